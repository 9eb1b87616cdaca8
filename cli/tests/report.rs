//! The page of `--report`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use ternarize_cli::report::{Histogram, Metrics, TensorReport, html};

mod sample;

use sample::{calibrated, kept, model, report, ternary};

/// The text between two others, for each place where the first stands.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start)
        .skip(1)
        .map(|rest| rest.split(end).next().unwrap())
        .collect()
}

/// The rows of a table of the page.
fn rows<'a>(page: &'a str, class: &str) -> Vec<&'a str> {
    between(page, &format!("<table class=\"{class}\">"), "</table>")
        .first()
        .map_or(Vec::new(), |table| {
            between(table.split("<tbody>").nth(1).unwrap(), "<tr>", "</tr>")
        })
}

/// The exact numbers of a part of the page.
fn values(part: &str) -> Vec<f64> {
    between(part, "<data value=\"", "\"")
        .into_iter()
        .map(|value| value.parse().unwrap())
        .collect()
}

/// The names of the tensors in rows.
fn names(rows: &[&str]) -> Vec<String> {
    let name = |row: &&str| {
        let cell = between(row, "<th scope=\"row\">", "</th>")[0].replace("<wbr>", "");
        between(&cell, "\">", "</a>")
            .first()
            .map_or(cell.clone(), |&text| text.to_owned())
    };
    rows.iter().map(name).collect()
}

/// The JSON in the page.
fn json(page: &str) -> &str {
    let start = "<script type=\"application/json\" id=\"report\">";
    between(page, start, "</script>")[0]
}

/// Writes a page for the script that opens it in a browser.
fn write(name: &str, page: &str) {
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), page).unwrap();
}

#[test]
fn the_json_in_the_page_is_that_of_the_report() {
    let report = model(2);
    let page = html(&report);
    assert_eq!(json(&page), serde_json::to_string(&report).unwrap());
    write("report.html", &page);
}

#[test]
fn each_number_of_the_table_is_that_of_the_report() {
    let report = model(2);
    let page = html(&report);
    let rows = rows(&page, "ternary");
    let is_ternary = |t: &&TensorReport| t.metrics.is_some();
    assert_eq!(rows.len(), report.tensors.iter().filter(is_ternary).count());
    for (name, row) in names(&rows).iter().zip(&rows) {
        let tensor = report.tensors.iter().find(|t| t.name == *name).unwrap();
        let m = tensor.metrics.unwrap();
        let expected = [
            m.relative_error,
            m.cosine,
            m.sqnr_db.unwrap(),
            m.sparsity,
            m.single_nonzero_groups as f64,
            m.groups as f64,
            m.bits_per_weight,
            tensor.bytes_before as f64,
            tensor.bytes_after as f64,
        ];
        assert_eq!(values(row), expected, "{name}");
    }
}

#[test]
fn each_total_is_that_of_the_report() {
    let report = model(1);
    let totals = &report.totals;
    let page = html(&report);
    let expected = [
        totals.ternary_bits_per_weight.unwrap(),
        totals.bits_per_weight,
        report.output.bytes as f64,
        totals.ternary as f64,
        totals.ternary_weights as f64,
        totals.seconds,
    ];
    let tiles = between(&page, "<dl class=\"tiles\">", "</dl>")[0];
    assert_eq!(values(tiles), expected);
}

#[test]
fn what_calibration_said_is_shown() {
    let report = calibrated();
    let page = html(&report);
    write("calibrated.html", &page);
    let calibration = report.calibration.as_ref().unwrap();
    let rows = rows(&page, "calibrated");
    assert_eq!(rows.len(), 3);
    for ((name, row), layer) in names(&rows).iter().zip(&rows).zip(&calibration.layers) {
        assert_eq!(*name, layer.name);
        let mut expected = vec![layer.rows as f64, layer.inputs as f64];
        expected.extend([layer.planes as f64, layer.error]);
        expected.extend(layer.held_out_error);
        assert_eq!(values(row), expected, "{name}");
        assert_eq!(row.contains("Too few"), layer.too_few_rows, "{name}");
        let list = format!(
            "<li><data value=\"0.25\">0.25</data>: weights, moments</li><li><data value=\"0.0125\">0.0125</data>: {}<strong> (kept)</strong></li>",
            layer.treatment
        );
        assert!(page.contains(&list), "{list}");
    }
    let section = between(&page, "<h2 id=\"calibration\">", "</dl>")[0];
    assert_eq!(values(section), [448.0, 64.0, 0.0125]);
    assert!(section.contains("on the samples kept out"));
    assert!(page.contains("href=\"#calibration\"") && page.contains("an engine on a processor"));
    // The longest error has the longest bar.
    assert!(rows[2].contains("--part:100%") && rows[0].contains("--part:0%"));
    assert!(!html(&model(1)).contains("#calibration"));
}

#[test]
fn what_is_shown_is_rounded() {
    let mut tensor = ternary("w", &[768, 768], 1);
    tensor.metrics = Some(Metrics {
        cosine: 0.912_345,
        relative_error: 0.167_89,
        sqnr_db: Some(7.7512),
        sparsity: 0.4567,
        groups: 1234,
        single_nonzero_groups: 0,
        bits_per_weight: 2.0625,
    });
    tensor.bytes_after = 152_064;
    let page = html(&report(vec![tensor]));
    let row = rows(&page, "ternary")[0].replace('\u{a0}', " ");
    for shown in [
        "16.8 %",
        "0.9123",
        "7.75",
        "45.7 %",
        "1,234",
        "2.06",
        "1.18 MB",
        "152 kB",
        "768 × 768",
    ] {
        let cell = format!(">{shown}<");
        assert!(row.contains(&cell), "{shown} is not in {row}");
    }
}

#[test]
fn the_largest_loss_is_first_and_what_failed() {
    let mut tensors = model(1).tensors;
    let losses = [0.2, f64::NAN, 0.3, 0.2, 0.4, 0.0, 1.5];
    let ternary = tensors.iter_mut().filter_map(|t| t.metrics.as_mut());
    for (metrics, loss) in ternary.zip(losses) {
        metrics.relative_error = loss;
    }
    let page = html(&report(tensors));
    let order = names(&rows(&page, "ternary"));
    let order: Vec<_> = order.iter().map(|n| n.split('.').nth(4).unwrap()).collect();
    let expected = [
        "k_proj",
        "down_proj",
        "gate_proj",
        "v_proj",
        "q_proj",
        "o_proj",
        "up_proj",
    ];
    assert_eq!(order, expected);
    let kept = rows(&page, "kept");
    let layernorm = "model.layers.0.input_layernorm.weight";
    assert_eq!(
        names(&kept),
        ["lm_head.weight", "token_embd.weight", layernorm]
    );
    assert!(kept[0].contains("Failed") && !kept[1].contains("Failed"));
}

#[test]
fn hostile_strings_are_shown_and_do_nothing() {
    let hostile = "</script><script>alert(1)</script>\"'&\u{1b}[31m\u{202e}\n</style></title>";
    let mut tensor = ternary(hostile, &[288, 288], 1);
    tensor.to = hostile.to_owned();
    let mut report = report(vec![tensor, kept(hostile, &[3], hostile, true)]);
    report.program = hostile.to_owned();
    report
        .options
        .push((hostile.to_owned(), hostile.to_owned()));
    report.calibration = calibrated().calibration;
    let calibration = report.calibration.as_mut().unwrap();
    calibration.engine = hostile.to_owned();
    for layer in &mut calibration.layers {
        layer.name = hostile.to_owned();
        layer.treatment = hostile.to_owned();
        layer.tried[0].0 = hostile.to_owned();
    }
    for file in [&mut report.input, &mut report.output] {
        file.path = hostile.to_owned();
        file.sha256.push((hostile.to_owned(), hostile.to_owned()));
    }
    report.left.push((hostile.to_owned(), hostile.to_owned()));
    let page = html(&report);
    assert_eq!(rows(&page, "kept").len(), 2);
    // A title for the page and for each of two drawings.
    for (tag, count) in [
        ("<script", 1),
        ("</script", 1),
        ("</style", 1),
        ("</title", 3),
    ] {
        assert_eq!(page.matches(tag).count(), count, "{tag}");
    }
    let seen = page.replace(json(&page), "").replace("<wbr>", "");
    let shown = "alert(1)&lt;/script&gt;&quot;'&amp;\\u{1b}[31m\\u{202e}\\n&lt;/style&gt;";
    assert!(seen.matches(shown).count() > 24);
    assert!(!seen.contains(['\u{1b}', '\u{202e}']));
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(json(&page))["tensors"][0]["name"], hostile);
    assert_eq!(
        parse(json(&page)),
        parse(&serde_json::to_string(&report).unwrap())
    );
    write("hostile.html", &page);
}

#[test]
fn nothing_comes_from_elsewhere() {
    let page = html(&model(1));
    for word in [
        "http://",
        "https://",
        " src=",
        "url(",
        "@import",
        "<link",
        "javascript:",
    ] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn links_lead_somewhere_and_ids_are_different() {
    let page = html(&model(2));
    let ids = between(&page, " id=\"", "\"");
    let set: HashSet<_> = ids.iter().copied().collect();
    assert_eq!(set.len(), ids.len());
    let links = between(&page, "href=\"#", "\"");
    let labels = between(&page, "aria-labelledby=\"", "\"");
    assert!(links.len() > 14 && labels.len() > 28);
    for id in [links, labels].concat() {
        assert!(set.contains(id), "{id}");
    }
    assert_eq!(page.matches("<details").count(), 14);
    assert_eq!(page.matches("<details open>").count(), 4);
}

#[test]
fn a_model_may_be_empty() {
    let page = html(&report(Vec::new()));
    assert!(page.contains("No tensor is ternary.") && page.contains("No tensor has a drawing."));
    assert!(rows(&page, "ternary").is_empty() && rows(&page, "kept").is_empty());
    write("empty.html", &page);
}

#[test]
fn a_tensor_without_a_drawing_has_no_link() {
    let mut report = model(1);
    for tensor in &mut report.tensors {
        tensor.drawing = None;
    }
    let page = html(&report);
    assert_eq!(rows(&page, "ternary").len(), 7);
    assert!(!page.contains("#drawing-") && !page.contains("<svg"));
}

#[test]
fn odd_numbers_can_be_drawn() {
    let mut tensors: Vec<_> = (0..3).map(|seed| ternary("w", &[288, 288], seed)).collect();
    let histograms = [
        (0.25, 0.25, vec![7]),
        (f64::NAN, f64::NEG_INFINITY, vec![]),
        (-1e300, 1e300, vec![0, u64::MAX / 2, 0]),
    ];
    for (tensor, (low, high, counts)) in tensors.iter_mut().zip(histograms) {
        tensor.metrics.as_mut().unwrap().sqnr_db = None;
        let drawing = tensor.drawing.as_mut().unwrap();
        drawing.histogram = Histogram {
            low,
            high,
            counts,
            outside: [0, 0],
        };
        drawing.threshold = [low, high, f64::INFINITY];
        drawing.chosen = (f64::NAN, high);
        drawing.curve.clear();
    }
    let page = html(&report(tensors));
    let pictures = between(&page, "<svg", "</svg>").concat();
    assert!(!pictures.contains("NaN") && !pictures.contains("inf"));
    assert!(page.contains("no error"));
    write("odd.html", &page);
}

/// A page of a large model stays small enough for a phone.
#[test]
fn a_drawing_takes_few_bytes() {
    let page = html(&model(1));
    let drawings = between(&page, "<details", "</details>");
    assert_eq!(drawings.len(), 7);
    for drawing in drawings {
        assert!(drawing.len() < 6000, "{}", drawing.len());
    }
}
