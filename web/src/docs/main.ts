/** The API page: Swagger UI with this gateway's own document. Only this page loads it. */
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

SwaggerUI({
  dom_id: "#docs",
  // Relative to the page, so that it also works behind a path prefix.
  url: "openapi.json",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // The default asks a public service.
  validatorUrl: null,
});
