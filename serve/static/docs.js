// The description of the API as a page: every path with its parameters, each to be tried.
"use strict";

const LONGEST = 20000;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function headers(more = {}) {
  const token = document.getElementById("token").value;
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

function kindOf(schema) {
  if (schema.enum) return schema.enum.join(" | ");
  return schema.type === "array" ? `${kindOf(schema.items)}, again and again` : String(schema.type);
}

function row(parameter) {
  const name = `${parameter.in} ${parameter.name}`;
  const input = element("input", { name, "aria-label": parameter.name });
  if (parameter.schema.default !== undefined) input.placeholder = String(parameter.schema.default);
  return element("tr", {},
    element("td", {}, element("code", {}, parameter.name)), element("td", {}, kindOf(parameter.schema)),
    element("td", {}, parameter.description ?? ""), element("td", {}, input));
}

async function send(method, path, form, output) {
  const query = new URLSearchParams();
  let place = path;
  for (const [key, value] of new FormData(form)) {
    const [where, name] = key.split(" ");
    if (where === "path") place = place.replace(`{${name}}`, encodeURIComponent(value));
    else if (where === "query" && value !== "") query.append(name, value);
  }
  const body = form.elements.namedItem("body")?.value;
  const url = place + (query.size ? `?${query}` : "");
  output.textContent = `${method} ${url}`;
  if (place.endsWith("/stream")) {
    output.textContent += "\n\ncurl -N shows it: this page would wait for its end";
    return;
  }
  try {
    const more = body ? { "Content-Type": "application/json" } : {};
    const response = await fetch(url, { method, body: body || undefined, headers: headers(more) });
    const text = await response.text();
    const shown = (response.headers.get("Content-Type") ?? "").includes("json") ? pretty(text) : text;
    output.textContent = `${method} ${url}\n${response.status} ${response.statusText}\n\n${shown.slice(0, LONGEST)}`;
  } catch (error) {
    output.textContent += `\n\n${error.message}; is the server there?`;
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

function operation(path, method, told) {
  const parameters = told.parameters ?? [];
  const form = element("form");
  if (told.description) form.append(element("p", {}, told.description));
  if (parameters.length) {
    const head = element("tr", {}, ...["name", "type", "what it means", "value"].map((each) => element("th", {}, each)));
    form.append(element("table", {}, element("thead", {}, head), element("tbody", {}, ...parameters.map(row))));
  }
  if (told.requestBody) {
    const text = element("textarea", { name: "body", rows: "4", "aria-label": "body" });
    text.value = '{"sql": "SELECT 1 AS one"}';
    form.append(text);
  }
  const output = element("pre", { hidden: "" });
  form.append(element("button", {}, "Try it"), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    output.hidden = false;
    void send(method.toUpperCase(), path, form, output);
  });
  const summary = element("summary", {}, element("b", {}, method.toUpperCase()), element("code", {}, path),
    element("span", {}, told.summary ?? ""));
  return element("details", {}, summary, element("div", {}, form));
}

async function show() {
  const paths = document.getElementById("paths");
  try {
    const told = await (await fetch("/openapi.json", { headers: headers() })).json();
    document.getElementById("about").textContent = `${told.info.description} Version ${told.info.version}.`;
    paths.replaceChildren(...Object.entries(told.paths).flatMap(
      ([path, methods]) => Object.entries(methods).map(([method, each]) => operation(path, method, each))));
  } catch (error) {
    paths.replaceChildren(element("p", {}, `The description cannot be read: ${error.message}`));
  }
}

document.getElementById("token-form").addEventListener("submit", (event) => event.preventDefault());
void show();
