"""English sentences: those on which the package `vaderSentiment` (MIT) was evaluated."""

from packages import sdist, unpack


def snippets(name):
    """Lists of the sentences of one text each: of `nytEditorial`, `movieReview` or `amazonReview`."""
    source = sdist("vaderSentiment==0.5", "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a")
    if not any(source.rglob("*_GroundTruth.txt")):
        (archive,) = source.rglob("hutto_ICWSM_2014.tar.gz")
        unpack(archive, source)
    (path,) = source.rglob(f"{name}Snippets_GroundTruth.txt")
    texts = {}
    # The identifier of a sentence begins with that of its text.
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        identifier, _, sentence = line.split("\t", 2)
        texts.setdefault(identifier.split("_")[0], []).append(sentence.strip())
    return list(texts.values())
