// Whom a verified e-mail address signs in: sign_in.js EMAIL.

import { answer, credential, logins, run, within } from "./directory.js";
import type { ResolveLoginResponse__Output } from "./generated/nestr/directory/v1/ResolveLoginResponse";

await run(async (email) => {
  const client = logins();
  // Behind Google, Microsoft or SAML: issuer and subject too, so that the first sign-in links them.
  const { accounts, joinable } = await answer<ResolveLoginResponse__Output>((done) =>
    client.resolveLogin({ email }, credential(), within(5), done),
  );
  for (const account of accounts) {
    const whose = `user ${account.userId} of workspace ${account.workspaceId}`;
    console.log(account.active ? `${whose} signs in` : `${whose} is refused: ${account.reason}`);
  }
  for (const { workspaceId } of joinable) {
    console.log(`workspace ${workspaceId} may be joined`);
  }
  if (accounts.length === 0 && joinable.length === 0) console.log("nobody");
});
