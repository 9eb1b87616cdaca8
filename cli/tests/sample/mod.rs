//! Reports of models that do not exist.

use ternarize_cli::report::{
    CalibratedLayer, Calibration, Drawing, FileSummary, Histogram, Metrics, Report, TensorReport,
    Totals,
};

/// Weights whose distribution has a peak and tails.
fn weights(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let mut weight = || {
        let sum: f64 = (0..4).map(|_| uniform()).sum();
        0.04 * (sum + sum.powi(3) * (seed % 3) as f64)
    };
    (0..count).map(|_| weight()).collect()
}

/// The histogram of these weights within 0.1.
fn histogram(weights: &[f64]) -> Histogram {
    let mut counts = vec![0; 60];
    let mut outside = [0, 0];
    for &w in weights {
        let bin = (0..=60).find(|&bin| w < f64::from(bin) / 300.0 - 0.1);
        match bin {
            Some(0) => outside[0] += 1,
            Some(bin) => counts[bin as usize - 1] += 1,
            None => outside[1] += 1,
        }
    }
    Histogram {
        low: -0.1,
        high: 0.1,
        counts,
        outside,
    }
}

/// The error and the drawing of the optimum with one scale, as if it had this many groups.
fn ternarized(weights: &[f64], groups: usize) -> (Metrics, Drawing) {
    let n = weights.len() as f64;
    let mut sizes: Vec<f64> = weights.iter().map(|w| w.abs()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let squares: f64 = sizes.iter().map(|w| w * w).sum();
    let mut sum = 0.0;
    let mut point = |(i, size)| {
        sum += size;
        let m = (i + 1) as f64;
        (m / n, sum / (m * squares).sqrt())
    };
    let curve: Vec<(f64, f64)> = sizes.iter().enumerate().map(&mut point).collect();
    let best = |&a: &usize, &b: &usize| curve[a].1.total_cmp(&curve[b].1);
    let best = (0..curve.len()).max_by(best).unwrap();
    let chosen = curve[best];
    let scale = sizes[..=best].iter().sum::<f64>() / (best + 1) as f64;
    let spread = |x: f64| {
        if groups > 1 {
            [0.85 * x, x, 1.2 * x]
        } else {
            [x; 3]
        }
    };
    let drawing = Drawing {
        histogram: histogram(weights),
        threshold: spread(sizes[best]),
        lambda_p: spread(scale),
        lambda_n: spread(0.95 * scale),
        curve: curve.iter().copied().step_by(sizes.len() / 100).collect(),
        chosen,
    };
    let relative_error = 1.0 - chosen.1 * chosen.1;
    let metrics = Metrics {
        cosine: chosen.1,
        relative_error,
        sqnr_db: Some(-10.0 * relative_error.log10()),
        sparsity: 1.0 - chosen.0,
        groups,
        single_nonzero_groups: groups / 300,
        bits_per_weight: 0.0,
    };
    (metrics, drawing)
}

/// A ternary tensor. Some have outliers.
pub(crate) fn ternary(name: &str, shape: &[usize], seed: u64) -> TensorReport {
    let mut values = weights(20_000, seed);
    for w in values.iter_mut().step_by(17) {
        *w *= (seed % 4) as f64;
    }
    let groups = if seed.is_multiple_of(3) { 1 } else { shape[0] };
    let (mut metrics, drawing) = ternarized(&values, groups);
    let count = shape.iter().product::<usize>();
    let bytes_after = (count / 4 + 2 * groups) as u64;
    metrics.bits_per_weight = 8.0 * bytes_after as f64 / count as f64;
    TensorReport {
        name: name.to_owned(),
        shape: shape.to_vec(),
        from: "BF16".to_owned(),
        to: "TQ2_0".to_owned(),
        bytes_before: 2 * count as u64,
        bytes_after,
        kept: None,
        failed: false,
        metrics: Some(metrics),
        drawing: Some(drawing),
    }
}

/// A tensor that was left as it was.
pub(crate) fn kept(name: &str, shape: &[usize], reason: &str, failed: bool) -> TensorReport {
    let bytes = 4 * shape.iter().product::<usize>() as u64;
    TensorReport {
        name: name.to_owned(),
        shape: shape.to_vec(),
        from: "F32".to_owned(),
        to: "F32".to_owned(),
        bytes_before: bytes,
        bytes_after: bytes,
        kept: Some(reason.to_owned()),
        failed,
        metrics: None,
        drawing: None,
    }
}

fn file(path: &str, names: &[&str], bytes: u64) -> FileSummary {
    let hash = |(i, name): (usize, &&str)| {
        let digits = format!("{:x}", 0x3e8f_0a1b_79c5_u64 * (i as u64 + 7)).repeat(8);
        ((*name).to_owned(), digits[..64].to_owned())
    };
    FileSummary {
        path: path.to_owned(),
        bytes,
        sha256: names.iter().enumerate().map(hash).collect(),
    }
}

/// The sums of these tensors.
fn totals(tensors: &[TensorReport]) -> Totals {
    let numbers = |t: &TensorReport| t.shape.iter().product::<usize>() as u64;
    let ternary = || tensors.iter().filter(|t| t.metrics.is_some());
    let weights: u64 = tensors.iter().map(numbers).sum();
    let ternary_weights: u64 = ternary().map(numbers).sum();
    let ternary_bytes: u64 = ternary().map(|t| t.bytes_after).sum();
    let bytes: u64 = tensors.iter().map(|t| t.bytes_after).sum();
    Totals {
        tensors: tensors.len(),
        ternary: ternary().count(),
        failed: tensors.iter().filter(|t| t.failed).count(),
        weights,
        ternary_weights,
        ternary_bits_per_weight: (ternary_weights > 0)
            .then(|| 8.0 * ternary_bytes as f64 / ternary_weights as f64),
        bits_per_weight: 8.0 * bytes as f64 / weights.max(1) as f64,
        seconds: 12.345,
    }
}

/// The report of these tensors.
pub(crate) fn report(tensors: Vec<TensorReport>) -> Report {
    let options = [
        ("rule", "tnt"),
        ("scales", "one"),
        ("grouping", "output-channel"),
        ("format", "TQ2_0"),
        ("keep", "token_embd.weight, output.weight, *norm*"),
        ("calibration", "none"),
    ];
    let parts = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ];
    let whole = "tiny-llama-tq2_0.gguf";
    let before = tensors.iter().map(|t| t.bytes_before).sum();
    let after = tensors.iter().map(|t| t.bytes_after).sum();
    Report {
        program: "ternarize 0.1.0".to_owned(),
        totals: totals(&tensors),
        input: file("models/tiny-llama", &parts, before),
        output: file(&format!("out/{whole}"), &[whole], after),
        options: options
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        tensors,
        left: Vec::new(),
        calibration: None,
    }
}

/// The report of a language model.
pub(crate) fn model(layers: usize) -> Report {
    let embedding = "named by --keep";
    let mut tensors = vec![kept("token_embd.weight", &[32_000, 288], embedding, false)];
    for layer in 0..layers {
        let seed = 10 * layer as u64;
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        tensors.push(kept(&name("input_layernorm"), &[288], "a vector", false));
        for (part, seed) in ["q_proj", "k_proj", "v_proj", "o_proj"]
            .into_iter()
            .zip(seed..)
        {
            tensors.push(ternary(
                &name(&format!("self_attn.{part}")),
                &[288, 288],
                seed,
            ));
        }
        for (part, seed) in ["gate_proj", "up_proj", "down_proj"]
            .into_iter()
            .zip(seed + 5..)
        {
            tensors.push(ternary(&name(&format!("mlp.{part}")), &[768, 288], seed));
        }
    }
    let reason = "the number at 17 is not finite";
    tensors.push(kept("lm_head.weight", &[32_000, 288], reason, true));
    report(tensors)
}

/// The report of a network of three layers that was calibrated.
pub(crate) fn calibrated() -> Report {
    let names = ["conv1.weight", "conv2.weight", "fc.weight"];
    let layer = |(i, name): (usize, &&str)| CalibratedLayer {
        name: (*name).to_owned(),
        planes: 3 - i,
        treatment: "outputs, rotated, effective, moments, winners".to_owned(),
        rows: 1024,
        inputs: [9, 144, 288][i],
        blocks: i + 1,
        too_few_rows: i == 2,
        error: 0.004 * (i + 1) as f64,
        held_out_error: (i > 0).then_some(0.011 * i as f64),
        tried: vec![
            ("weights, moments".to_owned(), Some(0.25)),
            (
                "outputs, rotated, effective, moments, winners".to_owned(),
                Some(0.0125),
            ),
        ],
    };
    let tensors = names.map(|name| ternary(name, &[32, 144], 1));
    Report {
        calibration: Some(Calibration {
            engine: "an engine on a processor".to_owned(),
            samples: 448,
            held_out: 64,
            output_error: Some(0.0125),
            layers: names.iter().enumerate().map(layer).collect(),
        }),
        ..report(tensors.to_vec())
    }
}
