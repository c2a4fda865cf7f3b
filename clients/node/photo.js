// Uploads a photo in chunks and prints its camera: node photo.js PHOTO [HOST:PORT]
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ExtractorService } from "./gen/metaextract/extractor/v1/extractor_pb.js";

const [path, address = process.env.METAEXTRACT_EXTRACTOR_ADDRESS ?? "127.0.0.1:50051"] = process.argv.slice(2);
const client = createClient(ExtractorService, createGrpcTransport({ baseUrl: `http://${address}` }));

async function* parts() {
  yield { part: { case: "header", value: { name: basename(path) } } };
  for await (const data of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    yield { part: { case: "data", value: data } };
  }
}

const { document } = await client.extractUpload(parts(), { timeoutMs: 30_000 });
console.log(`${document.common?.deviceMake} | ${document.common?.deviceModel}`);
