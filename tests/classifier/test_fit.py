"""What the models are fitted on: documents of many rules weigh no more than of a few."""

from pipeline_guard.classifier.fit import Document, capped


def test_documents_of_a_label_weigh_no_more_than_asked_together() -> None:
    many = [Document(("slow",), "timeout", group) for group in range(8)]
    few = [Document(("core",), "crash", group) for group in range(3)]
    weights = [document.weight for document in capped([*many, *few], 4.0)]
    assert weights == [0.5] * 8 + [1.0] * 3
