import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from metaextract_client import errors as client_errors
from service_runtime import errors


def details(error):
    trailers = dict(errors.to_trailers(error, "r-1"))
    return trailers, status_pb2.Status.FromString(trailers["grpc-status-details-bin"])


def test_error_info_names_reason_domain_and_request():
    _, status = details(errors.SourceNotFoundError("gone", uri="file:///x"))
    info = error_details_pb2.ErrorInfo()
    assert status.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("SOURCE_NOT_FOUND", "metaextract")
    assert dict(info.metadata) == {"uri": "file:///x", "request_id": "r-1"}


def test_overload_tells_people_and_grpc_cores_when_to_come_back():
    trailers, status = details(errors.OverloadedError("busy", 1.25))
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    assert retry.retry_delay.ToMilliseconds() == 1250
    assert trailers["grpc-retry-pushback-ms"] == "1250"


def test_a_bad_field_is_a_field_violation():
    _, status = details(errors.InvalidRequestError("options.modules", "unknown"))
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    assert bad.field_violations[0].field == "options.modules"


def service_errors():
    pending = [errors.ServiceError]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        yield kind


@pytest.mark.parametrize("kind", list(service_errors()), ids=lambda kind: kind.__name__)
def test_every_error_has_a_stable_reason_and_a_client_exception(kind):
    assert kind.reason == kind.reason.upper()
    assert kind.__doc__
    if kind is not errors.ServiceError:
        assert kind.code in client_errors._TABLE
