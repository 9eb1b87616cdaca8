#!/usr/bin/env python3
"""Silero VAD, convolutions and an LSTM that tell when someone speaks.

The network is that of the PyPI package `silero-vad` (MIT), in the form that takes the windows of a recording as one sequence. The
speech is of the announcements of the telephone exchange Asterisk (Debian packages, CC BY-SA): English for calibration, French and
Italian for the tests. Between two announcements is a pause with a little noise.
"""

import shutil
import wave

import common
import numpy as np
from packages import debian, wheel

SPEECH = {
    "en": ("asterisk-core-sounds-en-wav=1.6.1-1", "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d"),
    "fr": ("asterisk-core-sounds-fr-wav=1.6.1-1", "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e"),
    "it": ("asterisk-core-sounds-it-wav=1.6.1-1", "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb"),
}

RATE = 16000
# A window has so many new samples, after the last ones of the window before.
NEW, CONTEXT, STATE = 512, 64, 128
# 65 seconds each.
DRAWS, CALIBRATION, TEST = 3, 2048, 2048


def announcements(language):
    """The recordings of a language in a fixed random order, at the rate of the network."""
    paths = sorted(debian(*SPEECH[language]).rglob("*.wav"))
    np.random.default_rng(0).shuffle(paths)
    for path in paths:
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 2**15
        # Twice the rate: the same frequencies, and no higher ones.
        yield 2 * np.fft.irfft(np.fft.rfft(samples), 2 * len(samples))


def recording(announcements, windows, random):
    """The network's inputs for announcements and pauses of so many windows together."""
    parts, missing = [np.zeros(CONTEXT)], windows * NEW
    while missing > 0:
        pause = np.zeros(int(random.uniform(0.2, 1.5) * RATE))
        parts += [pause, next(announcements)]
        missing -= len(parts[-1]) + len(pause)
    samples = np.concatenate(parts)[: CONTEXT + windows * NEW]
    samples = samples + random.normal(0, 10 ** random.uniform(-4, -2.5), len(samples))
    starts = NEW * np.arange(windows)[:, None] + np.arange(CONTEXT + NEW)
    state = np.zeros((1, 1, STATE), np.float32)
    return {"input": samples[starts].astype(np.float32), "h": state, "c": state}


def make(folder):
    package = wheel("silero-vad==6.2.3", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8")
    shutil.copyfile(package / "silero_vad/data/silero_vad_16k_sequence.onnx", folder / "model.onnx")
    random, english = np.random.default_rng(1), announcements("en")
    for draw in range(DRAWS):
        np.savez_compressed(folder / f"calibrate-{draw}.npz", **recording(english, CALIBRATION, random))
    for language in "fr", "it":
        np.savez_compressed(folder / f"test-{language}.npz", **recording(announcements(language), TEST, random))


def quality(expected, found, _):
    """How many windows count as speech or as none as by f32, and the mean difference of the probability."""
    expected, found = expected["speech_probs"], found["speech_probs"]
    return {"same decision": float(((expected > 0.5) == (found > 0.5)).mean()), "difference": float(np.abs(expected - found).mean())}


if __name__ == "__main__":
    common.main("silero", make, quality, tests=["test-fr", "test-it"])
