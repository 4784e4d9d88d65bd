// The packed curves of all runs, unpacked: rnnlab/report/page/explore/curves.py says how they lie.

const NO_NUMBER = 65535, ZERO = 65534;

class Curves {
  constructor(bytes) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    Object.assign(this, { columns: header.columns, steps: header.steps, ofRun: header.of_run, leftOut: header.left_out });
    this.begins = [0];
    for (const own of this.ofRun) this.begins.push(this.begins.at(-1) + this.steps[own].length);
    this.bytes = bytes;
    this.offset = 4 + length;
  }

  // [[step, value], ...] of one run; null stands for what is not a finite number.
  of(row, n) {
    const total = this.begins.at(-1), lows = this.offset + 2 * n * total, highs = lows + total;
    const { log, low, step } = this.columns[n], steps = this.steps[this.ofRun[row]], begin = this.begins[row];
    let code = 0;
    return steps.map((at, k) => {
      const place = begin + k;
      code = (code + this.bytes[lows + place] + 256 * this.bytes[highs + place]) & 65535;
      if (code === NO_NUMBER) return [at, null];
      if (code === ZERO) return [at, 0];
      const value = low + code * step;
      return [at, log ? 10 ** value : value];
    });
  }
}
