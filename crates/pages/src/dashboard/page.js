'use strict';
(async () => {
  const byId = (id) => document.getElementById(id);
  const meta = JSON.parse(byId('meta').textContent);
  const none16 = 0xffff, none32 = 0xffffffff;

  async function unpack(name) {
    const text = atob(byId('col-' + name).textContent);
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).arrayBuffer();
  }
  const columns = {};
  const u32 = ['start', 'duration', 'lag', 'minute', 'minuteSession', 'viewer', 'stream', 'device', 'state', 'segment'];
  await Promise.all([
    ...u32.map(async (name) => { columns[name] = new Uint32Array(await unpack(name)); }),
    ...['orders', 'probability', 'engagement'].map(async (name) => { columns[name] = new Uint16Array(await unpack(name)); }),
    unpack('id').then((buffer) => { columns.id = new TextDecoder().decode(buffer).split('\n'); }),
  ]);

  // ---- filters -------------------------------------------------------------------------------
  const dimensions = ['device', 'state', 'viewer', 'stream', 'segment'];
  const state = { low: 0, high: 100, from: '', to: '' };
  dimensions.forEach((name) => { state[name] = ''; });

  function readHash() {
    const given = new URLSearchParams(location.hash.slice(1));
    dimensions.forEach((name) => { state[name] = given.get(name) || ''; });
    const percent = (key, fallback) => {
      const value = Number(given.get(key));
      return given.has(key) && Number.isFinite(value) ? Math.min(100, Math.max(0, value)) : fallback;
    };
    state.low = percent('low', 0);
    state.high = percent('high', 100);
    state.from = given.get('from') || '';
    state.to = given.get('to') || '';
  }

  function writeHash() {
    const wanted = new URLSearchParams();
    dimensions.forEach((name) => { if (state[name]) wanted.set(name, state[name]); });
    if (state.low > 0) wanted.set('low', state.low);
    if (state.high < 100) wanted.set('high', state.high);
    if (state.from) wanted.set('from', state.from);
    if (state.to) wanted.set('to', state.to);
    const text = wanted.toString();
    history.replaceState(null, '', text ? '#' + text : location.pathname + location.search);
  }

  /** Which sessions pass; `without` leaves one filter out, so that a chart shows what it could select. */
  function passing(without) {
    const codes = dimensions.map((name) => {
      if (!state[name] || name === without) return -1;
      const code = meta.names[name].indexOf(state[name]);
      return code < 0 ? -2 : code;
    });
    const day = (text, after) => {
      const at = Date.parse(text + 'T00:00:00Z') / 1000;
      return Number.isFinite(at) ? at + (after ? 86400 : 0) - meta.first : null;
    };
    const from = state.from ? day(state.from, false) : null;
    const to = state.to ? day(state.to, true) : null;
    const low = without === 'probability' ? 0 : state.low * 100;
    const high = without === 'probability' ? 10000 : state.high * 100;
    const whole = low <= 0 && high >= 10000;
    const passes = new Uint8Array(meta.count);
    for (let i = 0; i < meta.count; i++) {
      let keep = true;
      for (let d = 0; d < dimensions.length; d++) {
        if (codes[d] !== -1 && columns[dimensions[d]][i] !== codes[d]) { keep = false; break; }
      }
      if (!keep) continue;
      if (from !== null && columns.start[i] < from) continue;
      if (to !== null && columns.start[i] >= to) continue;
      const p = columns.probability[i];
      if (!whole && (p === none16 || p < low || p > high)) continue;
      passes[i] = 1;
    }
    return passes;
  }

  // ---- figures -------------------------------------------------------------------------------
  function figures(passes) {
    const f = { sessions: 0, viewers: 0, dropped: 0, converted: 0, seconds: 0, probability: 0, rated: 0, lag: 0, lags: 0, engagement: 0, engaged: 0, intent: 0 };
    const seen = new Set();
    const threshold = meta.threshold * 10000;
    for (let i = 0; i < meta.count; i++) {
      if (!passes[i]) continue;
      f.sessions++;
      seen.add(columns.viewer[i]);
      if (columns.orders[i] > 0) f.converted++; else f.dropped++;
      f.seconds += columns.duration[i];
      if (columns.probability[i] !== none16) {
        f.probability += columns.probability[i];
        f.rated++;
        if (columns.probability[i] >= threshold) f.intent++;
      }
      if (columns.lag[i] !== none32) { f.lag += columns.lag[i]; f.lags++; }
      if (columns.engagement[i] !== none16) { f.engagement += columns.engagement[i]; f.engaged++; }
    }
    f.viewers = seen.size;
    return f;
  }

  const whole = new Intl.NumberFormat('en-US');
  const one = (value, unit) => (Number.isFinite(value) ? value.toFixed(1) + unit : '–');
  const span = (seconds) => {
    if (!Number.isFinite(seconds)) return '–';
    const rounded = Math.round(seconds);
    return Math.floor(rounded / 60) + 'm ' + String(rounded % 60).padStart(2, '0') + 's';
  };

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === 'class') made.className = value; else if (key === 'onclick') made.addEventListener('click', value); else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }
  const shape = (tag, attributes, text) => {
    const made = document.createElementNS('http:' + '//www.w3.org/2000/svg', tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  function drawKpis(f) {
    const tiles = [
      ['total_sessions', 'Total sessions', whole.format(f.sessions), f.sessions],
      ['unique_viewers', 'Unique viewers', whole.format(f.viewers), f.viewers],
      ['drop_off_rate', 'Drop-off rate', one(100 * f.dropped / f.sessions, '%'), 100 * f.dropped / f.sessions],
      ['conversion_rate', 'Conversion rate', one(100 * f.converted / f.sessions, '%'), 100 * f.converted / f.sessions],
      ['avg_probability', 'Conversion probability', one(f.probability / f.rated / 100, '%'), f.probability / f.rated / 100, 'average, predicted'],
      ['avg_duration', 'Session duration', span(f.seconds / f.sessions), f.seconds / f.sessions, 'average'],
      ['avg_lag', 'Click-to-purchase lag', span(f.lag / f.lags / 10), f.lag / f.lags / 10, 'average'],
      ['avg_engagement', 'Engagement score', one(f.engagement / f.engaged / 10, ''), f.engagement / f.engaged / 10, 'average, of 100'],
      ['high_intent', 'High-intent sessions', whole.format(f.intent), f.intent],
    ];
    byId('kpis').replaceChildren(...tiles.map(([key, name, shown, value, note]) => {
      const dd = element('dd', { 'data-kpi': key, 'data-value': Number.isFinite(value) ? value : '' }, shown);
      if (note) dd.append(element('small', {}, note));
      return element('dl', { class: 'kpi', style: 'margin:0' }, element('dt', {}, name), dd);
    }));
  }

  function bars(target, rows, heads, choose) {
    if (!rows.length) { byId(target).replaceChildren(element('p', { class: 'empty' }, 'No sessions match the filters.')); return; }
    const most = Math.max(...rows.map((row) => row.value), 1e-9);
    const body = rows.map((row) => {
      const track = element('div', { class: 'track', 'aria-hidden': 'true' }, element('div', { class: 'fill', style: 'width:' + (100 * row.value / most).toFixed(1) + '%' }));
      const name = choose
        ? element('button', { type: 'button', class: 'rowbutton', 'aria-pressed': String(row.chosen), onclick: () => choose(row.name) }, row.name)
        : row.name;
      return element('tr', {}, element('td', {}, name), element('td', {}, track), element('td', { class: 'number' }, row.shown));
    });
    const head = element('tr', {}, ...heads.map((text, at) => element('th', at === 2 ? { class: 'number', scope: 'col' } : { scope: 'col' }, text)));
    byId(target).replaceChildren(element('table', { class: 'bars' }, element('thead', {}, head), element('tbody', {}, ...body)));
  }

  function drawSegments() {
    const passes = passing('segment');
    const viewers = meta.names.segment.map(() => new Set());
    for (let i = 0; i < meta.count; i++) if (passes[i]) viewers[columns.segment[i]].add(columns.viewer[i]);
    const rows = viewers.map((set, code) => ({ name: meta.names.segment[code] || '(none)', value: set.size, shown: whole.format(set.size), chosen: state.segment === meta.names.segment[code] }))
      .filter((row) => row.value > 0).sort((a, b) => b.value - a.value);
    bars('segments', rows, ['Segment', '', 'Viewers'], (name) => { state.segment = state.segment === name ? '' : name; changed(); });
  }

  function drawStreams() {
    const passes = passing('stream');
    const sum = meta.names.stream.map(() => [0, 0]);
    for (let i = 0; i < meta.count; i++) {
      if (passes[i] && columns.probability[i] !== none16) { sum[columns.stream[i]][0] += columns.probability[i]; sum[columns.stream[i]][1]++; }
    }
    const rows = sum.map(([total, count], code) => ({ name: meta.names.stream[code], value: count ? total / count / 100 : 0, count, chosen: state.stream === meta.names.stream[code] }))
      .filter((row) => row.count > 0).map((row) => ({ ...row, shown: row.value.toFixed(1) + '%' })).sort((a, b) => b.value - a.value);
    bars('streams', rows, ['Stream', '', 'Probability'], (name) => { state.stream = state.stream === name ? '' : name; changed(); });
  }

  function drawHistogram() {
    const passes = passing('probability');
    const bins = new Array(20).fill(0);
    for (let i = 0; i < meta.count; i++) {
      if (passes[i] && columns.probability[i] !== none16) bins[Math.min(19, Math.floor(columns.probability[i] / 500))]++;
    }
    const most = Math.max(...bins, 1), width = 360, height = 150, base = 130;
    const svg = shape('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'Sessions by conversion probability: ' + bins.map((n, at) => `${at * 5} to ${at * 5 + 5} percent ${n}`).join(', ') });
    bins.forEach((count, at) => {
      const tall = count ? Math.max(1.5, Math.sqrt(count / most) * (base - 14)) : 0;
      const inside = at * 5 + 5 > state.low && at * 5 < state.high;
      const bar = shape('rect', { class: inside ? 'bar' : 'bar out', x: at * 18 + 1, y: base - tall, width: 16, height: tall });
      bar.append(shape('title', {}, `${at * 5}–${at * 5 + 5}%: ${whole.format(count)} sessions`));
      svg.append(bar);
    });
    svg.append(shape('line', { class: 'axis', x1: 0, x2: width, y1: base, y2: base }));
    [0, 25, 50, 75, 100].forEach((p) => svg.append(shape('text', { x: p * 3.6, y: height - 5, 'text-anchor': p === 0 ? 'start' : p === 100 ? 'end' : 'middle' }, p + '%')));
    svg.append(shape('text', { x: width, y: 10, 'text-anchor': 'end' }, 'most: ' + whole.format(most) + ' (square-root scale)'));
    byId('histogram').replaceChildren(svg);
    byId('p-label').textContent = state.low + '% to ' + state.high + '%';
  }

  function drawMinutes(passes) {
    const counts = new Map();
    const perMinute = new Map();
    for (let k = 0; k < columns.minute.length; k++) {
      const session = columns.minuteSession[k];
      if (!passes[session]) continue;
      const minute = columns.minute[k];
      let viewers = perMinute.get(minute);
      if (!viewers) perMinute.set(minute, viewers = new Set());
      viewers.add(columns.viewer[session]);
    }
    perMinute.forEach((viewers, minute) => counts.set(minute, viewers.size));
    if (!counts.size) { byId('minutes').replaceChildren(element('p', { class: 'empty' }, 'No events match the filters.')); byId('minutes-note').textContent = ''; return; }
    let low = Infinity, high = -Infinity, peak = 0, peakAt = 0;
    counts.forEach((count, minute) => { low = Math.min(low, minute); high = Math.max(high, minute); if (count > peak) { peak = count; peakAt = minute; } });
    const buckets = Math.min(400, high - low + 1), size = (high - low + 1) / buckets;
    const tops = new Array(buckets).fill(0);
    counts.forEach((count, minute) => { const at = Math.min(buckets - 1, Math.floor((minute - low) / size)); tops[at] = Math.max(tops[at], count); });
    const width = 1180, height = 190, base = 165, top = 12;
    const x = (at) => (buckets === 1 ? width / 2 : at / (buckets - 1) * width);
    const y = (count) => base - count / peak * (base - top);
    const label = (minute) => new Date((Math.floor(meta.first / 60) + minute) * 60000).toISOString().slice(0, 16).replace('T', ' ');
    const line = tops.map((count, at) => (at ? 'L' : 'M') + x(at).toFixed(1) + ' ' + y(count).toFixed(1)).join('');
    const svg = shape('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `Viewers per minute from ${label(low)} to ${label(high)}, at most ${peak} at ${label(peakAt)}` });
    svg.append(shape('path', { class: 'area', d: line + `L${x(buckets - 1).toFixed(1)} ${base}L${x(0).toFixed(1)} ${base}Z` }), shape('path', { class: 'line', d: line }));
    svg.append(shape('line', { class: 'axis', x1: 0, x2: width, y1: base, y2: base }), shape('text', { x: 0, y: 10 }, peak));
    for (let tick = 0; tick <= 6; tick++) {
      svg.append(shape('text', { x: tick / 6 * width, y: height - 6, 'text-anchor': tick === 0 ? 'start' : tick === 6 ? 'end' : 'middle' }, label(Math.round(low + (high - low) * tick / 6))));
    }
    byId('minutes').replaceChildren(svg);
    const grain = size <= 1 ? 'each minute' : 'the busiest minute of every ' + Math.round(size) + ' minutes';
    byId('minutes-note').textContent = `Different viewers with an event in a minute (${grain}); most: ${peak} at ${label(peakAt)}.`;
  }

  function drawRetarget(passes) {
    const found = [];
    for (let i = 0; i < meta.count; i++) if (passes[i] && columns.orders[i] === 0 && columns.probability[i] !== none16) found.push(i);
    found.sort((a, b) => columns.probability[b] - columns.probability[a] || a - b);
    const heads = ['Viewer', 'Stream', 'Device', 'Location', 'Segment', 'Started', 'Duration', 'Probability'];
    const cells = (i) => [meta.names.viewer[columns.viewer[i]], meta.names.stream[columns.stream[i]], meta.names.device[columns.device[i]], meta.names.state[columns.state[i]], meta.names.segment[columns.segment[i]],
      new Date((meta.first + columns.start[i]) * 1000).toISOString().slice(0, 16).replace('T', ' '), span(columns.duration[i]), (columns.probability[i] / 100).toFixed(1) + '%'];
    const numeric = (at) => (at >= 6 ? { class: 'number' } : {});
    const rows = found.slice(0, 12).map((i) => element('tr', {}, ...cells(i).map((text, at) => element('td', numeric(at), text))));
    if (!rows.length) { byId('retarget').replaceChildren(element('p', { class: 'empty' }, 'No sessions match the filters.')); return; }
    const head = element('tr', {}, ...heads.map((text, at) => element('th', { scope: 'col', ...numeric(at) }, text)));
    byId('retarget').replaceChildren(element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)));
  }

  // ---- everything together ---------------------------------------------------------------------
  let current = new Uint8Array(meta.count);
  function draw() {
    current = passing('');
    const f = figures(current);
    drawKpis(f);
    drawMinutes(current);
    drawHistogram();
    drawSegments();
    drawStreams();
    drawRetarget(current);
    byId('status').textContent = f.sessions === meta.count ? `All ${whole.format(meta.count)} sessions.` : `${whole.format(f.sessions)} of ${whole.format(meta.count)} sessions match.`;
    document.documentElement.dataset.ready = '1';
  }

  function showState() {
    ['device', 'state', 'viewer', 'stream'].forEach((name) => { byId('f-' + name).value = state[name]; });
    byId('f-from').value = state.from;
    byId('f-to').value = state.to;
    byId('p-low').value = state.low;
    byId('p-high').value = state.high;
  }
  function changed() { showState(); writeHash(); draw(); }

  ['device', 'state', 'stream'].forEach((name) => {
    byId('f-' + name).append(...[...meta.names[name]].sort().map((text) => element('option', { value: text }, text)));
  });
  byId('viewers').append(...[...meta.names.viewer].sort().map((text) => element('option', { value: text })));
  document.querySelectorAll('[data-filter]').forEach((input) => {
    input.addEventListener('change', () => { state[input.dataset.filter] = input.value.trim(); changed(); });
  });
  byId('f-from').addEventListener('change', (event) => { state.from = event.target.value; changed(); });
  byId('f-to').addEventListener('change', (event) => { state.to = event.target.value; changed(); });
  byId('p-low').addEventListener('input', (event) => { state.low = Math.min(Number(event.target.value), state.high); changed(); });
  byId('p-high').addEventListener('input', (event) => { state.high = Math.max(Number(event.target.value), state.low); changed(); });
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  byId('reset').addEventListener('click', (event) => {
    event.preventDefault();
    dimensions.forEach((name) => { state[name] = ''; });
    Object.assign(state, { low: 0, high: 100, from: '', to: '' });
    changed();
  });
  byId('csv').addEventListener('click', () => {
    const quote = (text) => (/^[=+\-@]/.test(text) ? '"\'' : '"') + String(text).replaceAll('"', '""') + '"';
    const lines = ['session_id,viewer_id,stream,device,state,segment,session_start,duration_seconds,orders,conversion_probability'];
    for (let i = 0; i < meta.count; i++) {
      if (!current[i]) continue;
      const texts = [columns.id[i], ...['viewer', 'stream', 'device', 'state', 'segment'].map((name) => meta.names[name][columns[name][i]])].map(quote);
      const p = columns.probability[i] === none16 ? '' : columns.probability[i] / 10000;
      lines.push([...texts, new Date((meta.first + columns.start[i]) * 1000).toISOString(), columns.duration[i], columns.orders[i], p].join(','));
    }
    const link = element('a', { href: URL.createObjectURL(new Blob([lines.join('\n') + '\n'], { type: 'text/csv' })), download: 'sessions.csv' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    labelTheme();
  });
  function labelTheme() {
    const chosen = document.documentElement.dataset.theme;
    const dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    byId('theme').setAttribute('aria-pressed', String(dark));
    byId('theme').textContent = dark ? 'Light mode' : 'Dark mode';
  }
  labelTheme();
  addEventListener('hashchange', () => { readHash(); showState(); draw(); });

  let last = 0;
  for (let i = 0; i < meta.count; i++) last = Math.max(last, columns.start[i] + columns.duration[i]);
  const until = meta.count ? new Date((meta.first + last) * 1000).toISOString().slice(0, 16).replace('T', ' ') : 'no data';
  byId('freshness').textContent = `Data until ${until} UTC · made ${meta.generated} from ${meta.project}, target ${meta.target}`;
  byId('threshold').textContent = Math.round(meta.threshold * 100) + '%';
  readHash();
  showState();
  draw();

  // A served page is replaced by the next one, with its filters; a page from disk has nobody to ask.
  if (location.protocol === 'http:') {
    let shown = null;
    setInterval(async () => {
      const answer = await fetch('version').catch(() => null);
      const version = answer && answer.ok ? await answer.text() : shown;
      if (shown !== null && version !== shown) location.reload();
      shown = version;
    }, 1000);
  }
})();
