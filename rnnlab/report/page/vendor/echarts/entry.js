// The parts of Apache ECharts that the pages of rnnlab use; the bundle holds nothing else.
import { BrushComponent, GridComponent, ParallelComponent, TitleComponent, VisualMapComponent } from "echarts/components";
import { CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([
  BrushComponent, GridComponent, ParallelComponent, TitleComponent, VisualMapComponent,
  CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart, CanvasRenderer,
]);
export { init };
