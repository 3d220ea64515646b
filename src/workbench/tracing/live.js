(function () {
  // The live view is for a page with a kernel behind it: an exported page keeps the drawing only.
  const box = document.getElementById("BOX");
  const config = document.getElementById("jupyter-config-data");
  const editor = location.protocol === "vscode-webview:";
  if (!box || !(config || editor)) return;
  const roots = [];
  if (editor || ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
    roots.push([box.dataset.url, "no-cors"]);
  }
  if (config) {
    const base = JSON.parse(config.textContent).baseUrl || "/";
    roots.push([location.origin + base.replace(/\/$/, "") + "/proxy/" + box.dataset.port, "same-origin"]);
  }
  const show = function (root) {
    const frame = document.createElement("iframe");
    frame.src = root + "/" + box.dataset.path;
    frame.height = box.dataset.height;
    frame.title = "Phoenix";
    box.replaceChildren(frame);
  };
  const attempt = function () {
    if (!roots.length) return;
    const [root, mode] = roots.shift();
    fetch(root + "/healthz", { mode: mode })
      .then((answer) => (mode === "no-cors" || answer.ok ? show(root) : attempt()))
      .catch(attempt);
  };
  attempt();
})();
