'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const world = JSON.parse(byId('world').textContent);
  const query = new URLSearchParams(location.search);
  const device = matchMedia('(pointer: coarse)').matches ? (innerWidth < 700 ? 'mobile' : 'tablet') : 'desktop';
  const cart = new Map();
  let stream = world.streams[0];
  let viewer = world.viewers[0];
  let opened = null;
  let chosen = null;

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // A UUID of version 7: the time first, so that later events have greater ids.
  function uuid() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    let time = Date.now();
    for (let place = 5; place >= 0; place--) { bytes[place] = time % 256; time = Math.floor(time / 256); }
    bytes[6] = 0x70 | (bytes[6] & 15);
    bytes[8] = 0x80 | (bytes[8] & 63);
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  function tell(type, product, message) {
    const event = {
      event_id: uuid(), event_time: new Date().toISOString(), event_type: type,
      stream_id: stream.id, streamer_name: stream.streamer, stream_start_time: opened,
      viewer_id: viewer.id, viewer_email: viewer.email, viewer_state: viewer.state, device_type: device,
    };
    if (product) Object.assign(event, { product_id: product.id, product_name: product.name });
    if (message) event.chat_message = message;
    // A beacon is delivered even when the page is being left. The browser refuses one when too many are on their way.
    const body = JSON.stringify(event);
    if (!navigator.sendBeacon('/collect', body)) fetch('/collect', { method: 'POST', body, keepalive: true });
    const line = element('li', { textContent: `${event.event_time.slice(11, 23)}  ${type}${product ? '  ' + product.name : ''}` });
    line.dataset.event = event.event_id;
    byId('events').prepend(line);
  }

  let silence;
  function say(text) {
    byId('status').textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { byId('status').textContent = ''; }, 4000);
  }

  function dollars(cents) { return '$' + (cents / 100).toFixed(2); }

  function drawCart() {
    const list = byId('cart');
    list.replaceChildren();
    let sum = 0;
    let count = 0;
    for (const [product, number] of cart) {
      sum += product.cents * number;
      count += number;
      const remove = element('button', { textContent: 'Remove', ariaLabel: `Remove ${product.name}` });
      remove.addEventListener('click', () => { cart.delete(product); drawCart(); byId('cart-title').focus(); });
      list.append(element('li', {}, `${number} × ${product.name}`, remove));
    }
    byId('count').textContent = `(${count})`;
    byId('sum').textContent = count ? `Together ${dollars(sum)}` : 'Nothing in it yet.';
    byId('total').textContent = dollars(sum);
    byId('checkout').disabled = count === 0;
  }

  function view(product) {
    if (chosen !== product) { chosen = product; tell('product_view', product); }
  }

  function card(product) {
    const name = element('button', { className: 'name', textContent: product.name });
    const add = element('button', { className: 'main add', textContent: 'Add to cart', ariaLabel: `Add ${product.name} to the cart` });
    name.dataset.product = add.dataset.product = product.id;
    name.addEventListener('click', () => { view(product); tell('product_click', product); say(`${product.name}, ${dollars(product.cents)}`); });
    add.addEventListener('click', () => {
      view(product);
      tell('add_to_cart', product);
      cart.set(product, (cart.get(product) || 0) + 1);
      drawCart();
      say(`${product.name} is in the cart`);
    });
    return element('li', { className: 'card' }, name, element('span', { className: 'muted', textContent: product.category }),
      element('span', { className: 'price', textContent: dollars(product.cents) }), add);
  }

  function watch() {
    opened = new Date().toISOString();
    chosen = null;
    byId('title').textContent = stream.title;
    byId('host').textContent = `with ${stream.streamer}`;
    const own = world.products.filter((product) => product.category === stream.category);
    byId('products').replaceChildren(...(own.length ? own : world.products).map(card));
    tell('stream_view_start');
  }

  function choices(select, all, name, given, choose) {
    all.forEach((one) => select.append(element('option', { value: one.id, textContent: name(one) })));
    select.value = all.some((one) => one.id === given) ? given : all[0].id;
    const take = () => choose(all.find((one) => one.id === select.value));
    select.addEventListener('change', () => { tell('stream_exit'); take(); watch(); });
    take();
  }

  byId('chat').addEventListener('submit', (submit) => {
    submit.preventDefault();
    const text = byId('say').value.trim();
    if (!text) return;
    byId('messages').append(element('li', {}, element('strong', { textContent: viewer.id + ' ' }), text));
    byId('say').value = '';
    tell('chat_message', null, text);
  });
  byId('checkout').addEventListener('click', () => {
    for (const product of cart.keys()) tell('checkout_started', product);
    byId('pay').showModal();
  });
  byId('back').addEventListener('click', () => byId('pay').close());
  byId('order').addEventListener('click', () => {
    for (const product of cart.keys()) tell('order_completed', product);
    cart.clear();
    drawCart();
    byId('pay').close();
    // The button that opened the dialog is disabled now.
    byId('cart-title').focus();
    say('Thank you for your order');
  });
  addEventListener('pagehide', () => tell('stream_exit'));

  choices(byId('stream'), world.streams, (one) => one.title, query.get('stream'), (one) => { stream = one; });
  choices(byId('viewer'), world.viewers, (one) => `${one.id} (${one.state})`, query.get('viewer'), (one) => { viewer = one; });
  drawCart();
  watch();
  document.body.dataset.ready = '1';

  setInterval(async () => {
    const answer = await fetch('/landed').catch(() => null);
    if (answer && answer.ok) byId('landed').textContent = `– ${await answer.text()} in the warehouse`;
  }, 1000);
})();
