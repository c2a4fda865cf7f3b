import logging

from service_runtime.repeated import RepeatedErrors


def raised(text):
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_the_same_place_is_told_once_a_minute_with_a_count(caplog):
    now = [0.0]
    errors = RepeatedErrors(logging.getLogger("test"), "a defect", clock=lambda: now[0])
    for number in range(1000):
        errors.log(raised(f"number {number}"))
    assert len(caplog.records) == 1 and caplog.records[0].exc_info
    now[0] = 61
    errors.log(raised("later"))
    assert [getattr(each, "repeated", 0) for each in caplog.records] == [0, 999]


def test_another_place_is_told(caplog):
    errors = RepeatedErrors(logging.getLogger("test"), "a defect")
    errors.log(raised("a"))
    errors.log(KeyError("without a place"))
    errors.log(KeyError("another"))
    assert len(caplog.records) == 3
