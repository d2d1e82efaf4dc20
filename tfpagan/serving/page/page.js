"use strict";
// The page is an ordinary client: it calls TensorFlow Serving's :predict, with PNG files as base64.

const $ = (id) => document.getElementById(id);
const STEPS = 8, SAMPLES = 64, COLUMNS = 8, SLIDERS = 6, REACH = 3, LOADING = 503;
let model;

async function call(path, body) {
  const response = await fetch(path, body && {method: "POST", body: JSON.stringify(body)});
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

let asked;  // the last request
async function predict(signature, inputs) {
  asked = {path: `/v1/models/${encodeURIComponent(model.name)}:predict`, body: {signature_name: signature, inputs}};
  $("copyRequest").disabled = false;
  return (await call(asked.path, asked.body)).outputs;
}

// A request as a command for a shell. A body in a here-document may be longer than an argument, and needs no quotes.
function curl({path, body}) {
  const url = new URL(path, location.origin).href.replaceAll("'", "%27");
  return `curl -X POST '${url}' -H 'Content-Type: application/json' -d @- <<'END'\n${JSON.stringify(body)}\nEND\n`;
}

function guarded(action) {
  return async (...args) => {
    $("error").hidden = true;
    try {
      await action(...args);
    } catch (e) {
      $("message").textContent = e.message;
      $("error").hidden = false;
    }
  };
}

// The whole number in a field.
function whole(input, most) {
  const number = Number(input.value);
  if (input.value === "" || !Number.isInteger(number) || number < 0 || number > most) {
    throw new Error(`${input.value || "nothing"} is not legal here: a whole number from 0 to ${most} is wanted`);
  }
  return number;
}
const seedOf = (id) => whole($(id), 2 ** 31 - 1);

const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const png = (b64) => `data:image/png;base64,${b64}`;

// A file's image, turned upright where its EXIF orientation asks for it.
const opened = (file) => createImageBitmap(file, {imageOrientation: "from-image"})
  .catch(() => { throw new Error(`${file.name} is no image that a browser can read`); });

// To the luma of ITU-R BT.601, as the server decodes a colour image for a model of one channel.
function turnGrey(context, width, height) {
  const image = context.getImageData(0, 0, width, height), data = image.data;
  for (let i = 0; i < data.length; i += 4) {
    data.fill(Math.round(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]), i, i + 3);
  }
  context.putImageData(image, 0, 0);
}

// The largest square of an image file, drawn at the size of the model and in its colours, as a base64 PNG.
async function fitted(file) {
  const [height, width, channels] = model.image_shape;
  const image = await opened(file);
  const side = Math.min(image.width, image.height), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", {alpha: false});  // black behind transparent pixels, which the server refuses
  context.imageSmoothingQuality = "high";
  context.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, width, height);
  if (channels === 1) turnGrey(context, width, height);
  return canvas.toDataURL("image/png").split(",")[1];
}

async function encoded(b64) {
  return (await predict("encode_bytes", {images_bytes: [{b64}]})).latents[0];
}

// In parts of the size that the server accepts.
async function decoded(codes) {
  const images = [];
  for (let i = 0; i < codes.length; i += model.max_rows) {
    images.push(...await predict("decode_bytes", {latents: codes.slice(i, i + model.max_rows)}));
  }
  return images.map((image) => image.b64);
}

// An image, coloured by a code.
async function colourised(b64, code) {
  return (await predict("colourise_bytes", {images_bytes: [{b64}], latents: [code]}))[0].b64;
}

// The code of a seed's first sample.
async function drawn(seed) {
  return (await call(`/codes/${seed}.json`)).latents[0];
}

// Along the arc between the directions of two codes, as in tfpagan/latents.py.
function arc(a, b, t) {
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  const angle = norms ? Math.acos(Math.max(-1, Math.min(1, dot(a, b) / norms))) : 0;
  const straight = angle < 1e-4 || angle > Math.PI - 1e-4;
  const [wa, wb] = straight ? [1 - t, t] : [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  return a.map((value, i) => wa * value + wb * b[i]);
}

// Shows an image, or hides its figure while there is none.
function picture(id, b64) {
  if (b64) $(id).src = png(b64); else $(id).removeAttribute("src");
  $(id).closest("figure").hidden = !b64;
}

function show(parent, images, noun) {
  const all = images.length;
  parent.replaceChildren(...images.map((b64, i) => Object.assign(new Image(), {src: png(b64), alt: `${noun} ${i + 1} of ${all}`})));
}

// For those who do not see that the pictures have changed.
function say(text) {
  $("said").textContent = text;
}

// Files that are dropped onto an element, or chosen in its field.
function takesFiles(element, field, action) {
  field.addEventListener("change", () => { if (field.files.length) action(field.files[0]); });
  element.addEventListener("dragover", (e) => { e.preventDefault(); element.classList.add("over"); });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (e) => {
    e.preventDefault();
    element.classList.remove("over");
    if (e.dataTransfer.files.length) action(e.dataTransfer.files[0]);
  });
}

let given = {}, turns = 0;  // the image that was reconstructed and its code; how many images there have been
const reconstruct = guarded(async (file) => {
  const turn = ++turns;  // answers about an earlier image may come later
  for (const id of ["original", "reconstructed"]) picture(id, null);
  $("fromImage").disabled = true;
  const b64 = await fitted(file);
  if (turn !== turns) return;
  picture("original", b64);
  const [image] = await predict("reconstruct_bytes", {images_bytes: [{b64}]}), code = await encoded(b64);
  if (turn !== turns) return;
  picture("reconstructed", image.b64);
  given = {b64, code};
  say("reconstructed");
  $("fromImage").disabled = false;
  if (!model.prior) from(given.code);
});

const sample = guarded(async () => {
  const most = Math.min(SAMPLES, model.max_rows), num = most < COLUMNS ? most : most - most % COLUMNS;  // in full rows
  const images = await predict("sample_bytes", {seed: seedOf("seed"), num});
  show($("samples"), images.map((image) => image.b64), "sample");
  say(`${counted(images.length, "sample")} of seed ${$("seed").value}`);
});

const ends = {};
const interpolate = guarded(async () => {
  const codes = Array.from({length: STEPS}, (_, i) => arc(ends.A, ends.B, i / (STEPS - 1)));
  const images = await decoded(codes);
  show($("between"), images, "step");
  say(`${STEPS} steps from one end to the other`);
  picture("endA", images[0]);
  picture("endB", images[STEPS - 1]);
});
const fromSeed = async (end) => { ends[end] = await drawn(seedOf(`seed${end}`)); };
const endFrom = (end) => guarded(async (file) => { ends[end] = await encoded(await fitted(file)); await interpolate(); });

// Without navigator.clipboard, which pages over plain HTTP do not have, or when it refuses, through a selected text.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = Object.assign(document.createElement("textarea"), {value: text, className: "copying"}), focused = document.activeElement;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused.focus();
    if (!copied) throw new Error("the browser does not let this page copy");
  }
}

// A button that copies, and says so for a while.
function copies(id, text) {
  const button = $(id), name = button.textContent;
  button.addEventListener("click", guarded(async () => {
    await copy(text());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = name; }, 2000);
  }));
}

function download(name, text) {
  const href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
  Object.assign(document.createElement("a"), {href, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(href), 60000);  // once it has been saved
}

let shown;  // the code of the image that is moved
const codeFile = () => JSON.stringify({latents: [shown]});
function showCode(code) {
  shown = code;
  $("code").innerHTML = code.map((value, i) => `<div><span>z${i}</span> ${value.toFixed(4)}</div>`).join("");
  $("codeOfMoved").hidden = false;
}

let start;
async function move() {
  const code = start.slice();
  for (const row of $("sliders").children) {
    const [dimension, offset] = row.querySelectorAll("input");
    code[whole(dimension, model.latent_dim - 1)] += Number(offset.value);
    row.querySelector("output").textContent = Number(offset.value).toFixed(1);
  }
  picture("moved", model.prior ? (await decoded([code]))[0] : await colourised(given.b64, code));
  showCode(code);
}

// While a request is in flight only the newest slider position waits.
let moving = false, again = false;
const moved = guarded(async () => {
  if (moving) { again = true; return; }
  moving = true;
  try {
    do { again = false; await move(); } while (again);
  } finally {
    moving = false;
  }
});

function from(code) {
  start = code;
  $("latent").hidden = false;
  for (const row of $("sliders").children) row.querySelectorAll("input")[1].value = 0;
  moved();
}

function makeSliders() {
  for (let i = 0; i < Math.min(SLIDERS, model.latent_dim); i++) {
    const row = document.createElement("div");
    row.className = "slider";
    row.innerHTML = `<label>z <input type="number" min="0" max="${model.latent_dim - 1}" value="${i}" aria-label="latent direction of slider ${i + 1}"></label>` +
      `<input type="range" min="${-REACH}" max="${REACH}" step="0.1" value="0" aria-label="offset of slider ${i + 1}"><output>0.0</output>`;
    row.addEventListener("input", moved);
    $("sliders").append(row);
  }
}

// Facts about the model, once the server has loaded it.
async function loaded() {
  for (;;) {
    const response = await fetch("/model.json"), answer = await response.json();
    if (response.ok) return answer;
    if (response.status !== LOADING) throw new Error(answer.error);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const begin = guarded(async () => {
  model = await loaded();
  const [height, width, channels] = model.image_shape;
  document.title = $("title").textContent = model.name;
  const facts = [`${height} x ${width} px`, counted(channels, "channel"), counted(model.latent_dim, "latent dimension")];
  $("facts").textContent = `version ${model.version}: ${facts.join(", ")}`;
  for (const part of ["encoder", "prior"]) {
    if (!model[part]) document.querySelectorAll(`.${part}`).forEach((element) => { element.hidden = true; });
  }
  $("latent").hidden = !model.prior;  // until there is an image
  makeSliders();
  document.body.classList.toggle("fine", width >= 64);  // which may be shown smaller than they are
  $("parts").hidden = false;
  $("reset").addEventListener("click", () => from(start));
  copies("copyCode", codeFile);
  copies("copyRequest", () => curl(asked));
  $("downloadCode").addEventListener("click", () => download(`${model.name}_code.json`, codeFile()));
  if (model.encoder) {
    takesFiles($("drop"), $("file"), reconstruct);
    for (const end of ["A", "B"]) takesFiles($(`drop${end}`), $(`file${end}`), endFrom(end));
    $("fromImage").addEventListener("click", () => from(given.code));
  }
  if (model.prior) await beginWithSamples();
});

async function beginWithSamples() {
  $("sample").addEventListener("click", sample);
  for (const end of ["A", "B"]) {
    await fromSeed(end);
    $(`seed${end}`).addEventListener("change", guarded(async () => { await fromSeed(end); await interpolate(); }));
  }
  $("seedL").addEventListener("change", guarded(async () => from(await drawn(seedOf("seedL")))));
  await sample();
  await interpolate();
  from(await drawn(seedOf("seedL")));
}

// A file dropped outside the drop areas must not replace the page.
for (const event of ["dragover", "drop"]) window.addEventListener(event, (e) => e.preventDefault());
$("close").addEventListener("click", () => { $("error").hidden = true; });
begin();
