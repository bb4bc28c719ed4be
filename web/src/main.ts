/** The entry of the page. */
import { App } from "./app";
import "./styles/main.scss";

new App().start(document.getElementById("app")!);

// After the page has loaded, so that nothing competes with it. Without TLS, except on this machine, there is none.
if ("serviceWorker" in navigator)
  addEventListener("load", () => void navigator.serviceWorker.register("sw.js").catch(() => undefined));
