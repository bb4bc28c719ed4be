/** The API page: Swagger UI with this gateway's own document. Only this page loads it. */
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import { browserStorage } from "../shared/storage";
import { rememberedTheme } from "../shared/theme";
import "./docs.css";

const storage = browserStorage();
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Shows the colours that the user has chosen on the page, else those of the system. */
function applyTheme(): void {
  const theme = rememberedTheme(storage);
  // The class is that of Swagger UI's own dark styles.
  document.documentElement.classList.toggle("dark-mode", theme === "dark" || (theme === "system" && dark.matches));
}

applyTheme();
dark.addEventListener("change", applyTheme);

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
