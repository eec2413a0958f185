"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const root = document.documentElement;
  const darkWished = window.matchMedia("(prefers-color-scheme: dark)");
  root.classList.add("has-script");

  // ---- light and dark -------------------------------------------------------------------------------
  const isDark = () => (root.dataset.theme || (darkWished.matches ? "dark" : "light")) === "dark";
  const themeButton = document.getElementById("theme");
  const themeListeners = [];
  const themeChanged = () => {
    themeButton.textContent = isDark() ? "light" : "dark";
    themeListeners.forEach((listener) => listener());
  };
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    themeChanged();
  });
  darkWished.addEventListener("change", themeChanged);

  // Specifications are written in the light colours; each has one dark counterpart.
  const themed = (value) => {
    if (typeof value === "string") return isDark() && Object.hasOwn(page.dark, value) ? page.dark[value] : value;
    if (Array.isArray(value)) return value.map(themed);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item)]));
    }
    return value;
  };

  // ---- what should I do with N labels? --------------------------------------------------------------
  const startPlanner = (form) => {
    const advice = [...form.querySelectorAll("data")];
    const sizes = advice.map((one) => Number(one.value));
    const box = form.querySelector("input[type=number]");
    const slider = form.querySelector("input[type=range]");
    const find = (name) => form.querySelector(`output [data-${name}]`);
    const show = (place, note) => {
      const one = advice[place].dataset;
      const colour = form.querySelector(".advice").style;
      colour.setProperty("--l", one.light);
      colour.setProperty("--d", one.dark);
      find("strategy").textContent = one.strategy;
      find("expected").textContent = one.expected;
      const interval = find("interval");
      interval.textContent = one.interval ? `${interval.dataset.name} ${one.interval}` : "no interval: too few seeds";
      find("notes").textContent = one.notes;
      find("note").textContent = note;
      form.querySelector("output").dataset.labels = sizes[place];
      form.querySelector("output").dataset.raw = one.raw;
      slider.setAttribute("aria-valuetext", `${one.labels} labelled texts`);
    };
    // The nearest size on the log scale; the advice is never computed here, only looked up.
    const nearest = (number) => {
      const distances = sizes.map((size) => Math.abs(Math.log(size / number)));
      return distances.indexOf(Math.min(...distances));
    };
    const fromBox = () => {
      const number = Number(box.value);
      if (!(number >= 1)) return;
      const place = nearest(number);
      slider.value = place;
      let note = "";
      if (number < sizes[0]) note = `Fewer than the study has tried; this is its advice for ${advice[0].dataset.labels}.`;
      else if (number > sizes.at(-1)) note = `More than the study has tried; this is its advice for ${advice.at(-1).dataset.labels}.`;
      else if (number !== sizes[place]) note = `For ${advice[place].dataset.labels} labelled texts, the nearest size computed.`;
      show(place, note);
    };
    const fromSlider = () => {
      box.value = sizes[slider.value];
      show(Number(slider.value), "");
    };
    box.addEventListener("input", fromBox);
    slider.addEventListener("input", fromSlider);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    slider.value = nearest(1000);
    fromSlider();
  };
  document.querySelectorAll("form[data-planner]").forEach(startPlanner);

  // ---- figures --------------------------------------------------------------------------------------
  const button = (label, pressed) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.setAttribute("aria-pressed", String(pressed));
    return made;
  };

  // Where there is little room, the strip of crossovers has two lines of text for each row.
  const NARROW = 620;
  const NARROW_ROW = 58;
  const widenStrip = (made, data, layout) => {
    const height = layout.height - (layout.yaxis.domain[0] - 0.04) * layout.height + made.rows * NARROW_ROW;
    const strip = (made.rows * NARROW_ROW) / height;
    layout.height = height;
    layout.yaxis.domain = [strip + 0.04, 1];
    layout.yaxis2.domain = [0, strip];
    for (const trace of data) if (trace.meta.narrow) trace.text = trace.meta.narrow;
  };

  const narrowTicks = (axis, width) => {
    if (width > 520 || !axis.ticktext) return axis;
    const short = axis.tickvals.map((value, place) => (value >= 1000 ? `${value / 1000}k` : axis.ticktext[place]));
    return { ...axis, ticktext: short };
  };

  // Panels stand beside each other as far as there is room, in lines of equal length.
  const PANEL = { width: 230, height: 230, across: 44, down: 62 };
  const arrangePanels = (number, layout, width) => {
    const room = width - layout.margin.l - layout.margin.r;
    const most = Math.max(1, Math.floor((room + PANEL.across) / (PANEL.width + PANEL.across)));
    const lines = Math.ceil(number / most);
    const columns = Math.ceil(number / lines);
    const across = (room + PANEL.across) / columns;
    const down = PANEL.height + PANEL.down;
    const inner = lines * down - PANEL.down;
    layout.height = inner + layout.margin.t + layout.margin.b;
    for (let place = 0; place < number; place += 1) {
      const [left, top] = [(place % columns) * across, Math.floor(place / columns) * down];
      const name = place ? place + 1 : "";
      layout[`xaxis${name}`].domain = [left / room, Math.min(1, (left + across - PANEL.across) / room)];
      layout[`yaxis${name}`].domain = [Math.max(0, 1 - (top + PANEL.height) / inner), 1 - top / inner];
    }
  };

  // With series hidden, the y axis is fitted to those that are left.
  const fitHeight = (data, layout, fixed) => {
    const shown = data.filter((trace) => trace.visible && !trace.yaxis && !trace.meta.hairline);
    const values = shown.flatMap((trace) => trace.y).filter((value) => value !== null).concat(fixed);
    if (!values.length) return;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const air = 0.06 * (high - low) || 1;
    layout.yaxis.range = [low - air, high + air];
    for (const trace of data) if (trace.meta.hairline) trace.y = layout.yaxis.range;
  };

  // The same for panels, together or each by itself; what stands at their feet moves with them.
  const fitPanels = (made, data, layout) => {
    const curves = data.filter((trace) => trace.visible && !trace.meta.hairline && trace.meta.foot === undefined);
    for (let place = 0; place < made.panels; place += 1) {
      const name = `y${place ? place + 1 : ""}`;
      const values = curves.filter((trace) => made.shared || trace.yaxis === name).flatMap((trace) => trace.y)
        .filter((value) => value !== null);
      if (!values.length) continue;
      const [least, high] = [Math.min(...values), Math.max(...values)];
      const air = 0.06 * (high - least) || 1;
      const own = data.filter((trace) => trace.yaxis === name && trace.visible);
      const feet = data.filter((trace) => trace.visible && trace.meta.foot !== undefined);
      const room = Math.max(0, ...feet.map((trace) => trace.meta.foot + 0.03));
      const low = least - air - room * (high - least + 2 * air);
      layout[`yaxis${place ? place + 1 : ""}`].range = [low, high + air];
      for (const trace of own) {
        if (trace.meta.hairline) trace.y = [low, high + air];
        if (trace.meta.foot !== undefined) trace.y = trace.y.map(() => low + trace.meta.foot * (high + air - low));
      }
    }
  };

  const startFigure = async (figure) => {
    const made = page.figures[figure.dataset.figure];
    const live = figure.querySelector(".live");
    const controls = figure.querySelector(".controls");
    const hidden = new Set();
    let scale = "log";

    const draw = () => {
      const data = themed(made.data);
      for (const trace of data) trace.visible = !trace.meta.keys.some((key) => hidden.has(key));
      const layout = themed(made.layout);
      layout.height = made.height;
      if (made.scales[scale]) layout.xaxis = { ...layout.xaxis, ...made.scales[scale] };
      if (scale === "linear") delete layout.xaxis.tickvals;
      if (made.panels) arrangePanels(made.panels, layout, live.clientWidth);
      else layout.xaxis = narrowTicks(layout.xaxis, live.clientWidth);
      if (made.rows && live.clientWidth < NARROW) widenStrip(made, data, layout);
      if (made.fit && hidden.size) fitHeight(data, layout, made.fit);
      if (made.panels && hidden.size) fitPanels(made, data, layout);
      return window.Plotly.react(live, data, layout, { displayModeBar: false, responsive: true });
    };

    for (const chip of made.chips) {
      const toggle = button(chip.label, true);
      const line = document.createElement("span");
      line.className = "line coloured";
      line.style.setProperty("--l", chip.colour);
      line.style.setProperty("--d", page.dark[chip.colour] || chip.colour);
      line.style.borderTopStyle = { dash: "dashed", dot: "dotted" }[chip.dash] || "solid";
      toggle.prepend(line);
      toggle.addEventListener("click", () => {
        if (!hidden.delete(chip.key)) hidden.add(chip.key);
        toggle.setAttribute("aria-pressed", String(!hidden.has(chip.key)));
        draw();
      });
      controls.append(toggle);
    }
    if (made.scales.log) {
      const group = document.createElement("span");
      group.className = "scale";
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", "size axis");
      const buttons = ["log", "linear"].map((name) => button(name, name === scale));
      buttons.forEach((one) => one.addEventListener("click", () => {
        scale = one.textContent;
        buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === one)));
        draw();
      }));
      group.append(...buttons);
      live.after(group);
    }
    controls.hidden = false;
    figure.classList.add("is-live");
    await draw();
    themeListeners.push(draw);
    let width = live.clientWidth;
    new ResizeObserver(() => {
      if (live.clientWidth && Math.abs(live.clientWidth - width) > 1) {
        width = live.clientWidth;
        draw();
      }
    }).observe(live);
  };

  // plotly.js travels as gzip in base64. A browser that cannot unpack it keeps the drawn figures.
  const unpackPlotly = async () => {
    const packed = document.getElementById("plotly-packed");
    if (!packed || !("DecompressionStream" in window)) return false;
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return "Plotly" in window;
  };

  const start = async () => {
    if (await unpackPlotly()) {
      for (const figure of document.querySelectorAll("figure[data-figure]")) await startFigure(figure);
    }
    root.dataset.ready = "true";
  };

  // ---- tables that are wider than the page fade at the edge ------------------------------------------
  for (const scroll of document.querySelectorAll(".scroll")) {
    const fade = () => scroll.classList.toggle("more", scroll.scrollLeft + scroll.clientWidth < scroll.scrollWidth - 2);
    scroll.addEventListener("scroll", fade, { passive: true });
    new ResizeObserver(fade).observe(scroll);
  }

  // ---- contents and print ---------------------------------------------------------------------------
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link, name) => link.toggleAttribute("aria-current", name === entry.target.id));
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main section").forEach((section) => seen.observe(section));

  // Paper cannot be clicked: what is folded is unfolded while printing, but for tables of many pages.
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open], .long)")];
    unfolded.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => unfolded.forEach((details) => { details.open = false; }));

  themeChanged();
  start();
})();
