//! `compare`.

use serde_json::Value;
use ternarize::model::Tensor;
use ternarize::tensor::{ErrorMetrics, Grouping, TensorView, TernaryTensor};

use crate::inputs::{f32s, language_model, model, numbers, of_values, safetensors};
use crate::quantized::ternary;
use crate::tool::Folder;

fn tensor<'a>(found: &'a Value, name: &str) -> &'a Value {
    let all = found["tensors"].as_array().unwrap();
    all.iter().find(|tensor| tensor["name"] == name).unwrap()
}

#[test]
fn the_errors_are_those_of_the_library() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    folder.done("quantize m.safetensors -o t.safetensors");
    let found = folder.json("compare m.safetensors t.safetensors");
    let values = numbers(32 * 256, 4);
    let view = TensorView::new(&values, &[32, 256]).unwrap();
    let made: TernaryTensor = ternary(&folder.get("t.safetensors"), "layers.0.up.weight");
    assert_eq!(made.grouping(), Grouping::OUTPUT_CHANNEL);
    let metrics: ErrorMetrics = made.error_metrics(&view).unwrap();
    let up = tensor(&found, "layers.0.up.weight");
    let near = |key: &str, exact: f64| (up[key].as_f64().unwrap() - exact).abs() < 1e-9;
    assert!(near("cosine", metrics.cosine) && near("relative_error", metrics.relative_error));
    let restored = made.dequantize::<f64>();
    let differences = values
        .iter()
        .zip(restored)
        .map(|(&a, b)| (f64::from(a) - b).abs());
    assert!(near("largest_difference", differences.fold(0.0, f64::max)));
    assert_eq!(
        (&up["from"], &up["to"], &up["same_values"]),
        (&"F32".into(), &"planes".into(), &false.into())
    );
    assert_eq!(tensor(&found, "layers.0.norm.weight")["same_values"], true);
}

#[test]
fn trits_that_differ_are_counted() {
    let folder = Folder::new();
    let values = [1.0_f32, -1.0, 0.0, 1.0, 1.0, 1.0, 0.0, -1.0];
    let mut other = values;
    other[2] = 1.0;
    other[3] = -1.0;
    for (name, values) in [("a", values), ("b", other)] {
        folder.put(
            "m.safetensors",
            &model([("w", of_values(&[2, 4], &values))]),
        );
        folder.done(&format!(
            "quantize m.safetensors -o {name}.safetensors --scales one"
        ));
    }
    let found = folder.json("compare a.safetensors b.safetensors");
    assert_eq!(tensor(&found, "w")["differing_trits"], 2);
    assert_eq!(
        tensor(&folder.json("compare a.safetensors a.safetensors"), "w")["differing_trits"],
        0
    );
}

#[test]
fn what_is_only_in_one_model_and_other_shapes_are_said() {
    let folder = Folder::new();
    folder.put(
        "a.safetensors",
        &model([("only.a", f32s(&[2], 1)), ("w", f32s(&[2, 4], 1))]),
    );
    folder.put(
        "b.safetensors",
        &model([("only.b", f32s(&[2], 1)), ("w", f32s(&[4, 2], 1))]),
    );
    let text = folder.done("compare a.safetensors b.safetensors").out;
    for said in [
        "another shape",
        "only in the first model: only.a",
        "only in the second model: only.b",
    ] {
        assert!(text.contains(said), "{text}");
    }
    let found = folder.json("compare a.safetensors b.safetensors");
    assert_eq!(
        (&found["missing"][0], &found["added"][0]),
        (&"only.a".into(), &"only.b".into())
    );
}

#[test]
fn weights_for_rotated_inputs_are_rotated_back() {
    let folder = Folder::new();
    let values = numbers(8 * 64, 1);
    let view = TensorView::new(&values, &[8, 64]).unwrap();
    let options = ternarize::Ternarizer::new();
    let (made, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &options).unwrap();
    let rotated = made.clone().with_rotation(64, 7).unwrap();
    for (name, tensor) in [("made", made), ("rotated", rotated)] {
        let file = format!("{name}.safetensors");
        folder.put(&file, &model([("w", Tensor::Ternary(tensor))]));
    }
    folder.done("dequantize rotated.safetensors -o plain.safetensors");
    for (other, same) in [("plain", true), ("made", false)] {
        let found = folder.json(&format!("compare rotated.safetensors {other}.safetensors"));
        assert_eq!(tensor(&found, "w")["same_values"], same, "{other}");
    }
}

#[test]
fn types_that_are_not_understood_are_not_compared() {
    let folder = Folder::new();
    for (name, dtype) in [("a", "I32"), ("b", "F32"), ("c", "U32")] {
        let header = format!(r#"{{"w":{{"dtype":"{dtype}","shape":[2],"data_offsets":[0,8]}}}}"#);
        folder.write(
            &format!("{name}.safetensors"),
            safetensors(&header, &[0; 8]),
        );
    }
    for other in ["b", "c"] {
        let compare = format!("compare a.safetensors {other}.safetensors");
        assert_eq!(
            tensor(&folder.json(&compare), "w")["same_values"],
            Value::Null
        );
        assert!(folder.done(&compare).out.contains("not compared"));
    }
    let found = folder.json("compare a.safetensors a.safetensors");
    assert_eq!(tensor(&found, "w")["same_values"], true);
}
