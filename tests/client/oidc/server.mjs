// An OpenID Connect provider with the device flow (RFC 8628): the package `oidc-provider`, with two public clients.
// A code of the client `short` is valid for a second. Usage: node server.mjs PORT
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: ["qwhisk-command", "short"].map((client_id) => ({
    client_id,
    token_endpoint_auth_method: "none",
    grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    response_types: [],
    redirect_uris: [],
  })),
  // A person whose name is the login that is typed.
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  cookies: { keys: ["a-key-of-the-tests"] },
  // Each refresh token is valid once, as the security guidelines for public clients require.
  rotateRefreshToken: true,
  ttl: {
    ...{ IdToken: 60, AccessToken: 60, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 3600 },
    DeviceCode: (_context, _code, client) => (client.clientId === "short" ? 1 : 600),
  },
});
provider.listen(port, "127.0.0.1", () => console.log("ready"));
