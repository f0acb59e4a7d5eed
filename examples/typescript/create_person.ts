// Makes a person once, however often the directory or the way to it fails:
// create_person.js WORKSPACE EMAIL.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { status, type ServiceError } from "@grpc/grpc-js";

import {
  answer,
  credential,
  isServiceError,
  reason,
  retryAfter,
  run,
  users,
  within,
} from "./directory.js";
import type { CreateUserRequest } from "./generated/nestr/directory/v1/CreateUserRequest";
import type { User__Output } from "./generated/nestr/directory/v1/User";

// How long one try may take, and all of them together, in seconds.
const A_TRY = 5;
const PATIENCE = 30;

/**
 * Sends it again until it is answered. All tries have one operation id, so that the directory does
 * it once: a try whose answer was lost is found again by the next.
 */
async function create(ask: CreateUserRequest): Promise<User__Output> {
  const client = users();
  const { deadline } = within(PATIENCE);
  for (let pause = 0.1; ; pause = Math.min(pause * 2, 5)) {
    try {
      return await answer<User__Output>((done) =>
        client.createUser(ask, credential(), within(A_TRY), done),
      );
    } catch (thrown) {
      if (!isServiceError(thrown) || !mayComeAgain(thrown)) throw thrown;
      // By lot, so that all who were cut off together do not come back together.
      const wait = (retryAfter(thrown) ?? pause) * (1 + Math.random() / 2);
      if (within(wait).deadline > deadline) throw thrown;
      await sleep(wait * 1000);
    }
  }
}

function mayComeAgain(error: ServiceError): boolean {
  switch (error.code) {
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return true;
    case status.RESOURCE_EXHAUSTED:
      return reason(error) === "RATE_LIMITED";
    default:
      return false;
  }
}

await run(async (workspaceId, email) => {
  const made = await create({
    workspaceId,
    user: { userName: email },
    operationId: randomUUID(),
  });
  console.log("made", made.id);
});
