//! Plans and budgets.

use crate::inputs::{bf16s, f32s, language_model, model};
use crate::tool::Folder;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    folder
}

#[test]
fn a_saved_plan_gives_the_bytes_of_the_command_it_came_from() {
    for (ending, options) in [
        ("safetensors", ""),
        (
            "safetensors",
            "--include embed* --exclude *.up.* --per block:32 --scales one",
        ),
        ("safetensors", "--planes 2 --scale-type bf16 --code base3"),
        ("safetensors", "--rule absmean --per tensor"),
        ("safetensors", "--bits 3.5"),
        ("gguf", "--to tq1_0"),
        ("gguf", ""),
    ] {
        let folder = folder();
        let output = format!("quantize m.safetensors -o t.{ending}");
        folder.done(&format!("{output} {options} --dry-run=plan.toml"));
        assert_eq!(folder.names(), ["m.safetensors", "plan.toml"]);
        folder.done(&format!("{output} {options}"));
        folder.done(&format!(
            "quantize m.safetensors -o p.{ending} --plan plan.toml"
        ));
        assert!(
            folder.read(&format!("t.{ending}")) == folder.read(&format!("p.{ending}")),
            "{options}"
        );
        // Standard output gets the same plan.
        let printed = folder.done(&format!("{output} {options} --dry-run")).out;
        assert_eq!(printed, folder.text("plan.toml"));
    }
}

#[test]
fn a_plan_can_be_edited() {
    let folder = folder();
    folder.done("quantize m.safetensors -o t.safetensors --dry-run=plan.toml");
    let plan = folder.text("plan.toml");
    let table = toml::from_str::<toml::Table>(&plan).unwrap();
    assert_eq!(table["tensor"].as_array().unwrap().len(), 4);
    let edited = plan.replace("per = \"axis:0\"", "per = \"tensor\"");
    assert_ne!(edited, plan);
    folder.write("plan.toml", edited);
    folder.done("quantize m.safetensors -o t.safetensors --plan plan.toml");
    folder.done("quantize m.safetensors -o u.safetensors --per tensor");
    assert!(folder.read("t.safetensors") == folder.read("u.safetensors"));
    // What is not stated of a tensor is as without options.
    let short = r#"
        version = 1
        to = "safetensors"
        tensor = [
            { name = "embed.weight", ternary = false },
            { name = "layers.0.down.weight", ternary = true },
            { name = "layers.0.norm.weight", ternary = false },
            { name = "layers.0.up.weight", ternary = true, how = { per = "axis:0" } },
        ]"#;
    folder.write("short.toml", short);
    folder.done("quantize m.safetensors -o s.safetensors --plan short.toml");
    folder.done("quantize m.safetensors -o d.safetensors");
    assert!(folder.read("s.safetensors") == folder.read("d.safetensors"));
}

#[test]
fn wrong_plans_are_refused_by_name() {
    let folder = folder();
    folder.done("quantize m.safetensors -o t.safetensors --dry-run=plan.toml");
    let plan = folder.text("plan.toml");
    let whole_entry = "[[tensor]]\nname = \"embed.weight\"";
    assert!(plan.contains(whole_entry), "{plan}");
    for (edited, words) in [
        (
            plan.replace("embed.weight", "embd.weight"),
            &["`embd.weight`"][..],
        ),
        (
            format!("{plan}\n{whole_entry}\nternary = false\n"),
            &["`embed.weight`", "twice"],
        ),
        (
            plan.replace("ternary = true", "ternary = true\ncolor = 1"),
            &["line ", "color"],
        ),
        (plan.replace("per = ", "pre = "), &["line ", "pre"]),
        (plan.replace("version = 1", "version = 9"), &["version 9"]),
        (plan.replace("\"axis:0\"", "\"axis:9\""), &["axis:9"]),
        (plan.replace("to = \"safetensors\"", ""), &["to"]),
        (
            plan.replace("ternary = true", "ternary = false"),
            &["no effect"],
        ),
        (plan.replace("planes = 1", "planes = 7"), &["--planes"]),
        (
            plan.split("[[tensor]]").next().unwrap().to_string(),
            &["does not name", "embed.weight"],
        ),
        ("\u{1b}[31m".into(), &["line 1"]),
        (String::new(), &["version"]),
    ] {
        folder.write("plan.toml", &edited);
        let words: Vec<&str> = words.iter().copied().chain(["plan.toml"]).collect();
        folder.refused(
            1,
            "quantize m.safetensors -o o.safetensors --plan plan.toml",
            &words,
        );
    }
    folder.refused(
        1,
        "quantize m.safetensors -o o.safetensors --plan nowhere",
        &["nowhere"],
    );
    folder.put("other.safetensors", &model([("x", f32s(&[8, 8], 1))]));
    folder.write("plan.toml", plan);
    folder.refused(
        1,
        "quantize other.safetensors -o o.safetensors --plan plan.toml",
        &["plan.toml", "no tensor"],
    );
}

/// The bytes of all ternary tensors of a report, and their weights.
fn spent(report: &serde_json::Value) -> (u64, u64) {
    let tensors = report["tensors"].as_array().unwrap();
    let ternary = tensors
        .iter()
        .filter(|tensor| tensor["metrics"].is_object());
    let bytes = ternary
        .map(|tensor| tensor["bytes_after"].as_u64().unwrap())
        .sum();
    (bytes, report["totals"]["ternary_weights"].as_u64().unwrap())
}

#[test]
fn a_budget_is_kept_and_used() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("a.weight", f32s(&[8, 256], 1)),
            ("b.weight", bf16s(&[16, 128], 2)),
            ("c.weight", f32s(&[32, 64], 3)),
            ("d.weight", bf16s(&[16, 256], 4)),
        ]),
    );
    let mut errors = Vec::new();
    for bits in [2.5, 4.0, 40.0] {
        let made = folder.json(&format!(
            "quantize m.safetensors -o t.safetensors --force --bits {bits}"
        ));
        let (bytes, weights) = spent(&made);
        assert!(
            bytes as f64 * 8.0 <= bits * weights as f64,
            "{bits}: {bytes}"
        );
        let tensors = made["tensors"].as_array().unwrap();
        let error =
            |tensor: &serde_json::Value| tensor["metrics"]["relative_error"].as_f64().unwrap();
        errors.push(tensors.iter().map(error).sum::<f64>());
    }
    assert!(errors.is_sorted_by(|more, less| more > less), "{errors:?}");
    let made = folder.json("quantize m.safetensors -o t.safetensors --force --bytes 3000");
    let (bytes, _) = spent(&made);
    assert!(bytes <= 3000 && bytes > 2500, "{bytes}");
}

#[test]
fn too_small_a_budget_says_what_can_be_reached() {
    let folder = folder();
    for option in ["--bits", "--bytes"] {
        let quantize = format!("quantize m.safetensors -o t.safetensors {option}");
        let ran = folder.run(&format!("{quantize} 1")).ended(2);
        let (low, high) = ran
            .err
            .trim_end()
            .split_once(" from ")
            .unwrap()
            .1
            .split_once(" to ")
            .unwrap();
        // Both ends can be reached, and nothing below.
        folder.done(&format!("{quantize} {low} --force"));
        let before = folder.read("t.safetensors");
        folder.done(&format!("{quantize} {high} --force"));
        assert!(before.len() < folder.read("t.safetensors").len());
        let below = low.parse::<f64>().unwrap();
        let below = if option == "--bits" {
            below - 0.002
        } else {
            below - 1.0
        };
        folder.refused(
            2,
            &format!("{quantize} {below} --force"),
            &["too small", low, high],
        );
    }
}
