/** The entry of the page. */
import { App } from "./app";
import "./styles/main.scss";

new App().start(document.getElementById("app")!);
