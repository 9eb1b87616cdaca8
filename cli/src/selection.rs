//! Which tensors of a model are to become ternary, and why the others are left.
//!
//! By default the matrices and convolution kernels, but not what is known to need its precision: norms, embeddings, output heads and
//! routers, by the words in their names, and of a convolutional network the first and the last layer. Patterns add and remove tensors.

use anyhow::bail;
use glob::Pattern;
use ternarize::model::TensorInfo;

use crate::failure::Usage;
use crate::method::float_type;

/// What the last layer is called.
const HEAD: &str = "an output head";

/// Why a tensor is left that is not asked for.
pub const EXCLUDED: &str = "excluded";

/// Parts of names, and what they stand for.
const KEPT: [(&[&str], &str); 4] = [
    (&["norm", "layernorm", "ln_", "bn"], "a norm"),
    (
        &[
            "embed",
            "embd",
            "embedding",
            "embeddings",
            "wte",
            "wpe",
            "token_types",
        ],
        "an embedding",
    ),
    (
        &[
            "lm_head",
            "output_head",
            "classifier",
            "score",
            "embed_out",
            "cls",
        ],
        HEAD,
    ),
    (
        &["router", "ffn_gate_inp", "shared_expert_gate"],
        "a router",
    ),
];

/// Patterns for names.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    /// Tensors to be ternarized although they would be left.
    pub include: Vec<Pattern>,
    /// Tensors to be left. They go before `include`.
    pub exclude: Vec<Pattern>,
}

impl Patterns {
    /// Whether a name is asked for; `None` if no pattern fits it.
    #[must_use]
    pub fn asked(&self, name: &str) -> Option<bool> {
        let fits = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(name));
        match (fits(&self.exclude), fits(&self.include)) {
            (true, _) => Some(false),
            (false, included) => included.then_some(true),
        }
    }

    /// Checks that each pattern fits a name.
    ///
    /// # Errors
    ///
    /// [`Usage`] for one that does not.
    pub fn check(&self, names: &[&str]) -> anyhow::Result<()> {
        for pattern in self.include.iter().chain(&self.exclude) {
            if !names.iter().any(|name| pattern.matches(name)) {
                bail!(Usage(format!("the pattern `{pattern}` fits no tensor")));
            }
        }
        Ok(())
    }
}

/// Why a tensor is left as it is.
pub type Reason = String;

/// For each tensor, `None` if it is to become ternary, or why not.
///
/// # Errors
///
/// [`Usage`] for a pattern that fits no name.
pub fn select(tensors: &[&TensorInfo], patterns: &Patterns) -> anyhow::Result<Vec<Option<Reason>>> {
    let names: Vec<&str> = tensors.iter().map(|info| info.name()).collect();
    patterns.check(&names)?;
    let mut reasons: Vec<_> = tensors.iter().map(|info| by_default(info)).collect();
    keep_ends(tensors, &mut reasons);
    for (info, reason) in tensors.iter().zip(&mut reasons) {
        match patterns.asked(info.name()) {
            Some(false) => *reason = Some(EXCLUDED.into()),
            Some(true) => *reason = possible(info),
            None => {}
        }
    }
    Ok(reasons)
}

/// Why a tensor cannot become ternary at all.
fn possible(info: &TensorInfo) -> Option<Reason> {
    if info.is_ternary() {
        return Some("already ternary".into());
    }
    if float_type(info).is_none() {
        return Some(format!("{}, not floats", info.stored_type()));
    }
    (info.weights() == 0).then(|| "empty".into())
}

/// Why a tensor is left by default, whatever the others are.
fn by_default(info: &TensorInfo) -> Option<Reason> {
    let long_axes = info.shape().iter().filter(|&&extent| extent > 1).count();
    possible(info).or_else(|| match long_axes {
        0 | 1 => Some("a vector".into()),
        _ => by_name(info.name()).map(Into::into),
    })
}

/// What a name says of a tensor that needs its precision.
fn by_name(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(['.', '/', ':']).collect();
    let (last, layer) = (words.last().copied(), words.iter().rev().nth(1).copied());
    // GGUF's name of the output head; the routers of mixtures of experts, whose experts have `gate_proj` too.
    if lower == "output.weight" || layer == Some("head") || last == Some("head") {
        return Some(HEAD);
    }
    if layer == Some("gate") {
        return Some("a router");
    }
    let within = |word: &str, part: &str| match part {
        // Short ones only as words of their own.
        "bn" | "cls" | "score" => word.trim_end_matches(|c: char| c.is_ascii_digit()) == part,
        _ => word.contains(part),
    };
    let kept = KEPT.iter().find(|(parts, _)| {
        let has = |part: &&str| words.iter().any(|word| within(word, part));
        parts.iter().any(has)
    });
    kept.map(|(_, what)| *what)
}

/// Keeps the first and the last layer of a convolutional network. Files are often in alphabetical order, in which `fc` comes before
/// `layer1`: so the first layer is the first convolution, and the last one the last matrix, unless a name told the output head.
fn keep_ends(tensors: &[&TensorInfo], reasons: &mut [Option<Reason>]) {
    let axes = |i: &usize| tensors[*i].shape().len();
    let head = reasons.iter().flatten().any(|reason| reason == HEAD);
    let chosen: Vec<usize> = (0..reasons.len())
        .filter(|&i| reasons[i].is_none())
        .collect();
    let Some(&first) = chosen.iter().find(|i| axes(i) >= 4) else {
        return;
    };
    let matrix = chosen.iter().rfind(|i| axes(i) == 2);
    let last = matrix.or(chosen.last()).filter(|_| !head);
    if chosen.len() > 1 {
        reasons[first] = Some("the first layer of a convolutional network".into());
        if let Some(&last) = last {
            reasons[last] = Some("the last layer of a convolutional network".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ternarize::model::Encoding;

    fn info(name: &str, shape: &[usize]) -> TensorInfo {
        TensorInfo::new(name, shape, Encoding::Dense("F32".into())).unwrap()
    }

    #[test]
    fn names_tell_what_needs_its_precision() {
        for (name, kept) in [
            ("model.layers.0.mlp.gate_proj.weight", None),
            ("model.layers.0.mlp.gate.weight", Some("a router")),
            ("blk.0.ffn_gate.weight", None),
            ("blk.0.ffn_gate_inp.weight", Some("a router")),
            ("blk.0.attn_output.weight", None),
            ("output.weight", Some("an output head")),
            ("lm_head.weight", Some("an output head")),
            ("token_embd.weight", Some("an embedding")),
            ("encoder.layer.0.output.LayerNorm.weight", Some("a norm")),
            ("layer1.0.bn1.weight", Some("a norm")),
            ("encoder.layer.0.attention.self.query.weight", None),
            ("transformer.h.0.ln_1.weight", Some("a norm")),
        ] {
            assert_eq!(by_name(name), kept, "{name}");
        }
    }

    #[test]
    fn patterns_add_and_remove() {
        let tensors = [
            info("a.norm", &[4, 4]),
            info("b", &[4, 4]),
            info("c", &[4]),
            info("d", &[4, 4]),
        ];
        let tensors: Vec<_> = tensors.iter().collect();
        let pattern = |text: &str| Pattern::new(text).unwrap();
        let patterns = Patterns {
            include: vec![pattern("a*"), pattern("c")],
            exclude: vec![pattern("d")],
        };
        let reasons = select(&tensors, &patterns).unwrap();
        assert_eq!(reasons, [None, None, None, Some("excluded".into())]);
        let nothing = Patterns {
            include: vec![pattern("x*")],
            ..Patterns::default()
        };
        assert!(select(&tensors, &nothing).unwrap_err().is::<Usage>());
    }

    /// The names of the tensors that become ternary.
    fn chosen<'a>(tensors: &'a [(&'a str, &[usize])]) -> Vec<&'a str> {
        let infos: Vec<_> = tensors.iter().map(|(n, shape)| info(n, shape)).collect();
        let reasons = select(&infos.iter().collect::<Vec<_>>(), &Patterns::default());
        let found = tensors.iter().zip(reasons.unwrap());
        let ternary = found.filter(|(_, reason)| reason.is_none());
        ternary.map(|((name, _), _)| *name).collect()
    }

    #[test]
    fn alphabetical_order_does_not_hide_the_ends() {
        let conv = [8, 8, 3, 3];
        let resnet: [(&str, &[usize]); 4] = [
            ("conv1.weight", &[8, 3, 7, 7]),
            ("fc.weight", &[10, 8]),
            ("layer1.0.conv1.weight", &conv),
            ("layer4.1.conv2.weight", &conv),
        ];
        let layers = ["layer1.0.conv1.weight", "layer4.1.conv2.weight"];
        assert_eq!(chosen(&resnet), layers);
        let vgg: [(&str, &[usize]); 4] = [
            ("classifier.6.weight", &[10, 8]),
            ("features.0.weight", &[8, 3, 3, 3]),
            ("features.10.weight", &conv),
            ("features.2.weight", &conv),
        ];
        assert_eq!(chosen(&vgg), ["features.10.weight", "features.2.weight"]);
    }

    #[test]
    fn a_convolutional_network_keeps_its_ends() {
        let tensors = [
            info("1", &[4, 1, 3, 3]),
            info("2", &[4, 4, 3, 3]),
            info("3", &[10, 64]),
        ];
        let tensors: Vec<_> = tensors.iter().collect();
        let reasons = select(&tensors, &Patterns::default()).unwrap();
        assert_eq!(
            reasons.iter().map(Option::is_none).collect::<Vec<_>>(),
            [false, true, false]
        );
    }
}
