// What the examples share: the way to the directory, and what a refusal says.

import { fileURLToPath } from "node:url";
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  status,
  type requestCallback,
  type ServiceError,
} from "@grpc/grpc-js";
import { isAnyExtension, loadSync } from "@grpc/proto-loader";

import type { ErrorInfo__Output } from "./generated/google/rpc/ErrorInfo";
import type { RetryInfo__Output } from "./generated/google/rpc/RetryInfo";
import type { ProtoGrpcType as Logins } from "./generated/login_service";
import type { ProtoGrpcType as Refusals } from "./generated/refusal";
import type { ProtoGrpcType as Users } from "./generated/user_service";

// Seen from build/, where this is compiled to; with the options of `npm run types`.
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const files = loadSync(
  ["nestr/directory/v1/login_service.proto", "nestr/directory/v1/user_service.proto", "refusal.proto"],
  {
    includeDirs: [here("../../../proto"), here("..")],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
    json: true,
  },
);
const contract = loadPackageDefinition(files) as unknown as Logins & Users & Refusals;
const { LoginService, UserService } = contract.nestr.directory.v1;

const url = new URL(process.env.NESTR_SCIM_DIRECTORY ?? "http://127.0.0.1:50051");
const channel = url.protocol === "https:" ? credentials.createSsl() : credentials.createInsecure();
// A page of 200 large people is more than grpc-js's 4 MiB.
const options = { "grpc.max_receive_message_length": 64 * 1024 * 1024 };

/** Sign-in, at the directory of NESTR_SCIM_DIRECTORY. */
export const logins = () => new LoginService(url.host, channel, options);

/** People, at the same. */
export const users = () => new UserService(url.host, channel, options);

/** The metadata of every call: who holds NESTR_SCIM_CREDENTIAL. */
export function credential(): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${process.env.NESTR_SCIM_CREDENTIAL}`);
  return metadata;
}

/** A moment so many seconds from now, by which a call has to be answered. */
export const within = (seconds: number) => ({ deadline: new Date(Date.now() + seconds * 1000) });

/** What a call is answered with. */
export function answer<A>(call: (done: requestCallback<A>) => unknown): Promise<A> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error || !value ? reject(error) : resolve(value)));
  });
}

/** The reason of a refusal; undefined: a fault of the directory, or of the way to it. */
export function reason(error: ServiceError): string | undefined {
  const info = detail<ErrorInfo__Output>(error, "google.rpc.ErrorInfo");
  return info?.domain === "directory.nestr.io" ? info.reason : undefined;
}

/** After how many seconds to try again; undefined: the directory does not say. */
export function retryAfter(error: ServiceError): number | undefined {
  const delay = detail<RetryInfo__Output>(error, "google.rpc.RetryInfo")?.retryDelay;
  return delay ? Number(delay.seconds) + delay.nanos / 1e9 : undefined;
}

/** Runs an example; says a refusal by its reason, and a failure by its code. */
export async function run(example: (...args: string[]) => Promise<void>): Promise<void> {
  try {
    await example(...process.argv.slice(2));
  } catch (thrown) {
    if (!isServiceError(thrown)) throw thrown;
    const why = reason(thrown);
    const how = why ? `refused (${why})` : `failed (${status[thrown.code]})`;
    console.error(`${how}: ${thrown.details}`);
    process.exitCode = 1;
  }
}

/** Whether a call ended so. */
export const isServiceError = (thrown: unknown): thrown is ServiceError =>
  thrown instanceof Error && "code" in thrown && "metadata" in thrown;

function detail<T>(error: ServiceError, type: string): T | undefined {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return undefined;
  const { details } = contract.google.rpc.Status.deserialize(bytes);
  const found = details.find((any) => isAnyExtension(any) && any["@type"].endsWith(`/${type}`));
  return found as T | undefined;
}
