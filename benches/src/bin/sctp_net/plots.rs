//! Pictures for the book: window and flight above, goodput below, over time.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::{
    BLACK, ChartBuilder, Color, DrawingBackend, IntoDrawingArea, LineSeries, RGBColor, SVGBackend, WHITE,
};
use plywood_benches::link::{Moment, Outcome};

const SIZE: (u32, u32) = (900, 480);
const CWND: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const FLIGHT: RGBColor = RGBColor(0xff, 0x7f, 0x0e);
const GOODPUT: RGBColor = RGBColor(0x2c, 0xa0, 0x2c);

/// One line of a picture.
type Line<'l> = (&'static str, RGBColor, &'l dyn Fn(&Moment) -> f64);

/// Draws one flow into `folder/CELL-SUBJECT.svg`.
pub(crate) fn draw(folder: &Path, cell: &str, subject: &str, flow: &Outcome, ideal: f64) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}-{subject}.svg", cell.replace('%', "")));
    let root = SVGBackend::new(&file, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
    let (above, below) = root.split_vertically(SIZE.1 / 2);
    let cwnd = |moment: &Moment| moment.insight.cwnd as f64 / 1024.0;
    let flight = |moment: &Moment| moment.insight.in_flight as f64 / 1024.0;
    let lines: [Line<'_>; 2] = [("cwnd, KiB", CWND, &cwnd), ("in flight, KiB", FLIGHT, &flight)];
    panel(&above, &format!("{subject}, {cell}"), flow, &lines, 0.0)?;
    let goodput = |moment: &Moment| moment.goodput;
    panel(&below, "goodput, Mbit/s", flow, &[("goodput", GOODPUT, &goodput)], ideal)?;
    root.present().map_err(|error| anyhow!("{error}"))
}

fn panel<B: DrawingBackend>(
    area: &plotters::drawing::DrawingArea<B, plotters::coord::Shift>,
    title: &str,
    flow: &Outcome,
    lines: &[Line<'_>],
    least_top: f64,
) -> Result<()> {
    let end = flow.moments.last().map_or(1.0, |moment| moment.at.as_secs_f64());
    let values = lines.iter().flat_map(|line| flow.moments.iter().map(line.2));
    let top = values.fold(least_top, f64::max).max(1.0) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, 0.0..top)
        .map_err(|error| anyhow!("{error}"))?;
    chart.configure_mesh().light_line_style(WHITE).draw().map_err(|error| anyhow!("{error}"))?;
    for (label, colour, value) in lines {
        let points = flow.moments.iter().map(|moment| (moment.at.as_secs_f64(), value(moment)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(1)))
            .map_err(|error| anyhow!("{error}"))?
            .label(*label)
            .legend(|(x, y)| plotters::element::PathElement::new([(x, y), (x + 16, y)], *colour));
    }
    chart
        .configure_series_labels()
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()
        .map_err(|error| anyhow!("{error}"))
}
