// PostGraphile 5 in one process on the socket whose file descriptor is given: `node server.mjs FD`.
// Where the database is comes from PGHOST, PGPORT, PGUSER and PGDATABASE.

import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { postgraphile } from "postgraphile";
import pg from "pg";

const pool = new pg.Pool({ max: Number(process.env.DATABASE_POOL_SIZE) });
const handler = postgraphile({
  extends: [PostGraphileAmberPreset],
  // It would not filter by `visibility`, which leads no index; there is one for the public looks all the same.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [makePgService({ pool, schemas: ["public"] })],
  grafast: { explain: false },
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
});
const server = createServer({ keepAliveTimeout: 75_000 });
await handler.createServ(grafserv).addTo(server);
server.listen({ fd: Number(process.argv[2]) });

// Whoever has started us holds the other end.
process.stdin.on("end", () => process.exit()).resume();
process.on("SIGTERM", () => process.exit());
