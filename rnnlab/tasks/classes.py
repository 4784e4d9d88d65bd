"""Tasks whose answer is one class per sequence: accuracy, and what was said of each sequence of the test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlab.tasks.base import Data, Finding, Predictor, Task


class Classification(Task):
    """The last step is answered.  Where all outputs are NaN, the first class counts as the answer, as in Keras."""

    loss = "cross_entropy"
    predictions_kind = "classes"
    score = "accuracy"
    higher_is_better = True

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """What predictions.csv and the report call the classes; None: their numbers."""
        return None

    def baselines(self, data: Data) -> dict[str, float]:
        """Also `naive_accuracy`, on data.test, of always answering the most frequent class of the training part."""
        majority = np.bincount(data.train.targets).argmax()
        return super().baselines(data) | {"naive_accuracy": float((data.test.targets == majority).mean())}

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        on_eval = network.outputs([lane.eval.inputs for lane in data])
        on_test = network.outputs([lane.test.inputs for lane in data])
        return [self._finding(*lane) for lane in zip(data, on_eval, on_test, strict=True)]

    def _finding(self, data: Data, on_eval: np.ndarray, on_test: np.ndarray) -> Finding:
        predicted = on_test.argmax(axis=1)
        metrics = {
            "accuracy": float((predicted == data.test.targets).mean()),
            "eval_accuracy": float((on_eval.argmax(axis=1) == data.eval.targets).mean()),
        }
        names = np.arange(self.output_size) if self.class_names is None else np.array(self.class_names)
        columns = {
            "index": np.arange(len(predicted)),
            "label": names[data.test.targets],
            "predicted": names[predicted],
            "output": on_test.max(axis=1),
        }
        return Finding(metrics, columns)
