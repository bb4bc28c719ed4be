// pouchdb-server lacks /_up, by which CouchDB says that it is ready.
const http = require("http");
const create = http.createServer;
http.createServer = (listener) =>
  create((request, response) =>
    request.url === "/_up" ? response.end('{"status":"ok"}') : listener(request, response),
  );
