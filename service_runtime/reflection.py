"""Server reflection under both names, v1 and v1alpha, from the packaged v1alpha servicer.

The two protocols are the same on the wire; only the package name differs. Python's package ships v1alpha alone
(grpc#38576), so v1's descriptor is derived from it, for clients that describe reflection itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha._async import ReflectionServicer  # the typed name of `reflection.aio`

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor

    from service_runtime.interceptors import InterceptingServer

V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"
V1 = "grpc.reflection.v1.ServerReflection"


class MethodFindingPool:
    """A descriptor pool whose methods are symbols, too: ghz and `grpcurl describe SERVICE.METHOD` ask for them.

    Python's own pool knows every other kind of symbol, but no `package.Service.Method` (grpc#34743). It is wrapped, since
    upb's type can't be derived from.
    """

    def __init__(self, pool: descriptor_pool.DescriptorPool) -> None:
        self._pool = pool

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:
        """The file that declares `symbol`; raises KeyError when none does."""
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            return self._pool.FindMethodByName(symbol).containing_service.file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def add_reflection(server: InterceptingServer, services: list[str]) -> None:
    """Lets clients such as grpcurl list and describe `services` and reflection itself."""
    _register_v1_descriptor()
    servicer = ReflectionServicer([*services, V1ALPHA, V1], pool=MethodFindingPool(descriptor_pool.Default()))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    generic = grpc.method_handlers_generic_handler(V1, {"ServerReflectionInfo": handler})
    server.add_generic_rpc_handlers((generic,))


def _register_v1_descriptor() -> None:
    v1 = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(v1)
    v1.name = "grpc/reflection/v1/reflection.proto"
    v1.package = "grpc.reflection.v1"
    for message in v1.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(".v1alpha.", ".v1.")
    for method in v1.service[0].method:
        method.input_type = method.input_type.replace(".v1alpha.", ".v1.")
        method.output_type = method.output_type.replace(".v1alpha.", ".v1.")
    descriptor_pool.Default().AddSerializedFile(v1.SerializeToString())
