// Everybody in a workspace, page by page: list_people.js WORKSPACE.

import { answer, credential, run, users, within } from "./directory.js";
import type { ListUsersResponse__Output } from "./generated/nestr/directory/v1/ListUsersResponse";
import type { User__Output } from "./generated/nestr/directory/v1/User";

/** All of them; asks for the next page when the last one is used up. */
async function* people(workspaceId: string): AsyncGenerator<User__Output> {
  const client = users();
  let pageToken = "";
  do {
    const ask = {
      workspaceId,
      pageSize: 50,
      // What is not needed is not sent.
      view: { attributes: ["userName"] },
      pageToken,
    };
    const page = await answer<ListUsersResponse__Output>((done) =>
      client.listUsers(ask, credential(), within(10), done),
    );
    yield* page.users;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

await run(async (workspaceId) => {
  let count = 0;
  for await (const user of people(workspaceId)) {
    console.log(user.id, user.userName);
    count += 1;
  }
  console.log(`${count} people`);
});
