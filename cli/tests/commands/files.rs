//! No file is lost: neither the input, nor what was there before.

use std::fs;

use crate::inputs::{f32s, language_model, model};
use crate::tool::Folder;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    folder
}

const OTHERS: [&str; 2] = [
    "convert t.safetensors --to safetensors",
    "dequantize t.safetensors",
];

#[test]
fn the_input_is_never_the_output() {
    let folder = folder();
    folder.done("quantize m.safetensors -o t.safetensors");
    let is_input = ["is the input"];
    folder.refused(
        1,
        "quantize m.safetensors -o m.safetensors --force",
        &is_input,
    );
    folder.refused(
        1,
        "quantize m.safetensors -o ./m.safetensors --force",
        &is_input,
    );
    for command in OTHERS {
        folder.refused(1, &format!("{command} -o t.safetensors --force"), &is_input);
    }
    fs::hard_link(
        folder.path("m.safetensors"),
        folder.path("hard.safetensors"),
    )
    .unwrap();
    folder.refused(
        1,
        "quantize m.safetensors -o hard.safetensors --force",
        &is_input,
    );
    // Nor is the report, the plan, or what is read beside the model.
    let quantize = "quantize m.safetensors -o o.safetensors --force";
    folder.refused(
        1,
        &format!("{quantize} --report m.safetensors"),
        &["report", "input"],
    );
    folder.refused(
        1,
        &format!("{quantize} --report o.safetensors"),
        &["report", "output"],
    );
    folder.refused(
        1,
        &format!("{quantize} --dry-run=m.safetensors"),
        &["plan", "input"],
    );
    folder.done(&format!("{quantize} --dry-run=p.toml"));
    folder.refused(
        1,
        "quantize m.safetensors -o p.toml --force --plan p.toml",
        &is_input,
    );
    folder.put(
        "i.safetensors",
        &model([("layers.0.up.weight", f32s(&[256], 1))]),
    );
    fs::write(folder.path("i.safetensors"), folder.read("t.safetensors")).unwrap();
    assert_eq!(folder.text("p.toml").lines().next(), Some("version = 1"));
}

#[cfg(unix)]
#[test]
fn the_input_is_never_the_output_through_symbolic_links() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    symlink("m.safetensors", folder.path("soft.safetensors")).unwrap();
    let is_input = ["is the input"];
    folder.refused(
        1,
        "quantize m.safetensors -o soft.safetensors --force",
        &is_input,
    );
    folder.refused(
        1,
        "quantize soft.safetensors -o m.safetensors --force",
        &is_input,
    );
    fs::create_dir(folder.path("checkpoint")).unwrap();
    folder.put("checkpoint/m.safetensors", &language_model());
    symlink("checkpoint", folder.path("link")).unwrap();
    folder.refused(1, "quantize checkpoint -o link --to mlx --force", &is_input);
    folder.refused(
        1,
        "quantize link/m.safetensors -o checkpoint --to mlx --force",
        &is_input,
    );
    folder.refused(
        1,
        "quantize link -o checkpoint/m.safetensors --to safetensors --force",
        &is_input,
    );
}

#[test]
fn nothing_is_replaced_unless_asked() {
    let folder = folder();
    folder.done("quantize m.safetensors -o t.safetensors");
    let there = ["is there already", "--force"];
    folder.write("o.safetensors", "old");
    folder.write("r.html", "old");
    folder.refused(1, "quantize m.safetensors -o o.safetensors", &there);
    for command in OTHERS {
        folder.refused(1, &format!("{command} -o o.safetensors"), &there);
    }
    folder.refused(
        1,
        "quantize m.safetensors -o n.safetensors --report r.html",
        &there,
    );
    folder.refused(
        1,
        "quantize m.safetensors -o n.safetensors --dry-run=r.html",
        &there,
    );
    folder.write("out/config.json", "{}");
    folder.write("out/model.safetensors", "old");
    folder.refused(1, "quantize m.safetensors -o out --to mlx", &there);
    folder.refused(
        1,
        "quantize m.safetensors -o o.safetensors --to mlx --force",
        &["no folder"],
    );
    folder.refused(
        1,
        "quantize m.safetensors -o out --to safetensors --force",
        &["a folder"],
    );
    folder.done("quantize m.safetensors -o o.safetensors --report r.html --force");
    assert_eq!(folder.read("o.safetensors"), folder.read("t.safetensors"));
    folder.done("quantize m.safetensors -o out --to mlx --force");
    assert!(folder.text("out/config.json").contains("quantization"));
}

/// A folder is replaced as a whole: it must not hold what belongs to somebody else.
#[test]
fn a_folder_with_other_things_is_not_replaced() {
    for other in [
        "out/thesis.tex",
        "out/sub/model.safetensors",
        "out/.git/HEAD",
    ] {
        let folder = folder();
        folder.done("quantize m.safetensors -o out --to mlx");
        folder.write(other, "mine");
        let word = other.split('/').nth(1).unwrap();
        folder.refused(
            1,
            "quantize m.safetensors -o out --to mlx --force",
            &["no part of a model", word],
        );
    }
    // The input below the output.
    let folder = Folder::new();
    folder.write("out/in/m.safetensors", language_model().to_bytes().unwrap());
    folder.refused(
        1,
        "quantize out/in/m.safetensors -o out --to mlx --force",
        &["out"],
    );
}

#[cfg(unix)]
#[test]
fn permissions_stay_and_links_are_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let mode = |name: &str| {
        fs::metadata(folder.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    let set = |name: &str, mode| {
        fs::set_permissions(folder.path(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    folder.write("real.safetensors", "old");
    set("real.safetensors", 0o640);
    symlink("real.safetensors", folder.path("link.safetensors")).unwrap();
    folder.done("quantize m.safetensors -o link.safetensors --force");
    assert!(folder.path("link.safetensors").is_symlink());
    assert_eq!(mode("real.safetensors"), 0o640);
    assert!(folder.get("real.safetensors").tensors().count() == 4);
    // Folders, too.
    folder.done("quantize m.safetensors -o out --to mlx");
    let usual = mode("out");
    fs::create_dir(folder.path("new")).unwrap();
    assert_eq!(usual, mode("new"));
    fs::remove_dir(folder.path("new")).unwrap();
    set("out", 0o750);
    symlink("out", folder.path("link")).unwrap();
    folder.done("quantize m.safetensors -o link --to mlx --force");
    assert!(folder.path("link").is_symlink());
    assert_eq!(mode("out"), 0o750);
    // A link that leads nowhere names the file to be.
    symlink("later.safetensors", folder.path("dangling.safetensors")).unwrap();
    folder.refused(
        1,
        "quantize m.safetensors -o dangling.safetensors",
        &["is there already"],
    );
    folder.done("quantize m.safetensors -o dangling.safetensors --force");
    assert!(folder.path("dangling.safetensors").is_symlink());
    assert!(folder.get("later.safetensors").tensors().count() == 4);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let folder = folder();
    folder.refused(
        1,
        "quantize m.safetensors -o nowhere/t.safetensors",
        &["nowhere/t.safetensors", "No such file"],
    );
    folder.refused(
        1,
        "quantize m.safetensors -o nowhere/out --to mlx",
        &["nowhere/out", "No such file"],
    );
    folder.refused(
        1,
        "quantize m.safetensors -o t.safetensors --report nowhere/r.html",
        &["nowhere/r.html"],
    );
    folder.refused(
        1,
        "quantize m.safetensors -o t.safetensors --dry-run=nowhere/p.toml",
        &["nowhere/p.toml"],
    );
}

#[test]
fn an_input_that_cannot_be_read_is_named() {
    let folder = folder();
    folder.write("folder/notes.txt", "nothing");
    for (arguments, words) in [
        ("inspect nowhere", ["nowhere", "No such file"]),
        (
            "quantize nowhere -o t.safetensors",
            ["nowhere", "No such file"],
        ),
        (
            "convert nowhere -o t.gguf --to tq2_0",
            ["nowhere", "No such file"],
        ),
        ("dequantize nowhere -o t.gguf", ["nowhere", "No such file"]),
        ("compare m.safetensors nowhere", ["nowhere", "No such file"]),
        ("verify nowhere", ["nowhere", "No such file"]),
        ("inspect folder", ["folder", "holds no"]),
    ] {
        folder.refused(1, arguments, &words);
    }
}

/// An empty device of no size stands for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    let folder = folder();
    folder.refused(
        1,
        "quantize m.safetensors -o /dev/full --to safetensors --force",
        &["/dev/full", "No space left"],
    );
    folder.done("quantize m.safetensors -o t.safetensors");
    folder.refused(
        1,
        "dequantize t.safetensors -o /dev/full --shard-size 1M --force",
        &["/dev/full"],
    );
}

/// Files of at most 8 blocks of 512 or 1024 bytes: the system refuses to write more.
#[cfg(unix)]
#[test]
fn a_limit_of_the_size_of_files_leaves_nothing_behind() {
    let folder = folder();
    folder.done("quantize m.safetensors -o t.safetensors");
    let program = crate::tool::program();
    let program = program.get_program().to_str().unwrap();
    let before = folder.contents();
    for arguments in [
        "quantize m.safetensors -o o.safetensors",
        "quantize m.safetensors -o t.safetensors --force",
        "quantize m.safetensors -o out --shard-size 20k --to safetensors",
        "dequantize t.safetensors -o o.safetensors",
    ] {
        let script = format!("trap '' XFSZ; ulimit -f 8 || exit 77; exec {program} {arguments}");
        let mut shell = std::process::Command::new("sh");
        let ran = shell
            .args(["-c", &script])
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        if ran.status.code() == Some(77) {
            eprintln!("the size of files cannot be limited here");
            return;
        }
        let ran = crate::tool::Ran::of(ran, arguments).ended(1);
        ran.one_line(&["too large"]);
        assert!(folder.contents() == before, "{arguments}");
    }
}
