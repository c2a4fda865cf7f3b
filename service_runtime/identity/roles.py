"""Which role each RPC needs. One that isn't in the table is refused to everybody; a test asks reflection for them all."""

from __future__ import annotations

from service_runtime.identity.principal import Role

_EXTRACTOR = "metaextract.extractor.v1.ExtractorService"
_RESULTS = "metaextract.cache.v1.ResultService"
_CHUNKS = "metaextract.cache.v1.ChunkService"
_SIMILARITY = "metaextract.cache.v1.SimilarityService"
_PRESSURE = "metaextract.cache.v1.PressureService"
_ADMIN = "metaextract.cache.v1.CacheAdminService"
ONE_FILE = frozenset(
    {
        f"/{_EXTRACTOR}/ExtractUpload",
        f"/{_EXTRACTOR}/ExtractSession",
        f"/{_CHUNKS}/UploadChunks",
        f"/{_CHUNKS}/ReadBlob",
    }
)
"""Streams of one file, which go on when the token of their caller expires; others end."""
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")

OPEN = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List", "/grpc.health.v1.Health/Watch")
"""What nobody has to be known for: balancers and supervisors ask."""

ROLES: dict[str, Role] = {
    f"/{service}/{method}": role
    for service, role, methods in (
        (
            _EXTRACTOR,
            Role.EXTRACT,
            "Extract ExtractUpload ExtractSession ExtractBatch PlanExtraction GetCapabilities",
        ),
        (_EXTRACTOR, Role.OBSERVE, "GetBackoffState"),
        # Balancers at the client read it on the connection that they balance.
        ("xds.service.orca.v3.OpenRcaService", Role.EXTRACT, "StreamCoreMetrics"),
        (
            _RESULTS,
            Role.RESULTS,
            "GetResult BatchGetResults PutResult BatchPutResults AcquireResult ReleaseLease WatchInvalidations",
        ),
        (_RESULTS, Role.ADMIN, "InvalidateResults"),
        (
            _CHUNKS,
            Role.RESULTS,
            "FindMissingChunks GetUpload UploadChunks CompleteUpload AbortUpload ReadBlob",
        ),
        # Asked by clients: it finds in their tenant alone what they could have described again.
        (_SIMILARITY, Role.EXTRACT, "FindSimilar"),
        (_PRESSURE, Role.OBSERVE, "GetPressure GetPressureHistory WatchPressure"),
        (_ADMIN, Role.OBSERVE, "GetStats WatchStats"),
        (
            _ADMIN,
            Role.ADMIN,
            "DescribeEntry ListEntries WarmCache ClearCache EraseTenant SetPressureOverride SetPressureThresholds",
        ),
        (REFLECTION[0], Role.OBSERVE, "ServerReflectionInfo"),
        (REFLECTION[1], Role.OBSERVE, "ServerReflectionInfo"),
    )
    for method in methods.split()
}
