"""Every RPC that a server offers has a role, or is open to all: asked over reflection, so that a new one can't be forgotten."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from service_runtime.identity.roles import OPEN, ROLES


def methods_of(address):
    with grpc.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)

        def ask(**request):
            return next(
                iter(stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**request)])))
            )

        for service in ask(list_services="").list_services_response.service:
            answer = ask(file_containing_symbol=service.name)
            for raw in answer.file_descriptor_response.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(raw)
                for each in file.service:
                    if f"{file.package}.{each.name}" == service.name:
                        for method in each.method:
                            yield f"/{service.name}/{method.name}"


@pytest.mark.servers
def test_every_rpc_has_a_role_and_every_row_of_the_table_an_rpc(cache_process, extractor_process):
    offered = {*methods_of(cache_process.address), *methods_of(extractor_process.address)}
    assert len(offered) > 35
    assert offered == {*ROLES, *OPEN}
