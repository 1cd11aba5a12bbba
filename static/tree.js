/* <dept-tree> makes the lean rows of tree.html an ARIA tree (APG's navigation tree). Rows are found by walking, nothing is measured. */
(() => {
  'use strict';

  const COOKIE_LIMIT = 200;         // branches: 1.4 KB
  const ADDRESS_LIMIT = 3900;       // gunicorn takes 4,094 characters
  const LOADS_AT_ONCE = 20;         // for one *
  const LOOK_EVERY = 60000;
  const WORD_ENDS_AFTER = 500;

  // A row is an <li>: link, for departments arrow and ⋯, and, once opened, the list below it.
  const rowOf = link => link.closest('li');
  const linkOf = li => li.firstElementChild;
  const idOf = li => linkOf(li)?.id.slice(1) || '';
  const groupOf = li => li.lastElementChild?.matches('ul') ? li.lastElementChild : null;
  const arrowOf = li => li.querySelector(':scope > .tw');
  const parentOf = node => node.parentElement.closest('li');
  const nameOf = li => linkOf(li).firstChild?.data?.trim() ?? '';
  const isOpen = li => groupOf(li)?.hidden === false;
  const isBatch = li => li.matches('.batch');
  const holderOf = li => (parentOf(li) && idOf(parentOf(li))) || '0';

  const $ = id => document.getElementById(id);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
  const say = text => { $('status').textContent = text; };
  const figure = n => Number(n).toLocaleString('en');
  const shown = () => document.querySelector('#main [data-dept-id]')?.dataset.deptId ?? '';
  const focused = node => node.contains(document.activeElement);
  const make = (name, properties) => Object.assign(document.createElement(name), properties);

  async function ask(address) {
    const answer = await fetch(address, { headers: { 'HX-Request': 'true' }, signal: AbortSignal.timeout(25000) });
    if (!answer.ok || answer.redirected) throw answer;
    return answer.text();
  }
  const askForBatch = async address => make('template', { innerHTML: await ask(address) }).content;

  class DeptTree extends HTMLElement {
    #seat;          // has the tab stop
    #walker;        // over the links that can be seen
    #timer;
    #offer = '';
    #word = '';
    #lastLetter = 0;

    connectedCallback() {
      this.root = this.querySelector('.tree');
      if (!this.root) return;
      this.menu = this.querySelector('[popover]');
      this.#walker = document.createTreeWalker(this.root, NodeFilter.SHOW_ELEMENT,
        node => node.role === 'treeitem' ? NodeFilter.FILTER_ACCEPT : node.hidden ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP);
      this.addEventListener('click', event => this.#click(event));
      this.addEventListener('keydown', event => this.#key(event));
      this.addEventListener('focusin', ({ target }) => { if (target.role === 'treeitem' && target !== this.#seat) this.#sit(target); });
      this.menu.addEventListener('focusout', () => setTimeout(() => focused(this.menu) || this.menu.hidePopover()));
      this.#dress();
      this.#remember();
      this.#timer = setInterval(() => document.hidden || this.#look(), LOOK_EVERY);
      this.querySelector('.nm[aria-current]')?.scrollIntoView({ block: 'nearest' });
    }

    disconnectedCallback() { clearInterval(this.#timer); }

    #walk(step, from = this.root) {
      this.#walker.currentNode = from;
      return this.#walker[step]();
    }

    // ---- Roles and the one tab stop

    #dress() {
      for (const list of new Set([...this.root.querySelectorAll('li:not([role])')].map(li => li.parentElement))) this.#dressLevel(list);
      const usable = link => link && this.root.contains(link) && !link.closest('ul[hidden]');
      if (!usable(this.#seat)) this.#sit([$(this.#seat?.id), this.querySelector('.nm[aria-current]')].find(usable) ?? this.#walk('firstChild'));
    }

    #dressLevel(list) {
      const top = list === this.root;
      if (top) list.role = 'tree';
      else this.#group(parentOf(list));
      let place, total;
      for (const li of list.children) {
        if (isBatch(li)) [place, total] = [Number(li.dataset.from), li.dataset.of];
        const link = linkOf(li);
        if (!li.role) this.#dressRow(li, link);
        if (!link) continue;
        link.ariaLevel = top ? 1 : Number(linkOf(parentOf(list)).ariaLevel) + 1;
        if (link.id) [link.ariaPosInSet, link.ariaSetSize] = [++place, total];
      }
    }

    #dressRow(li, link) {
      li.role = 'none';
      if (!link) return;
      Object.assign(link, { role: 'treeitem', tabIndex: -1 });
      if (!link.id) return;
      link.className = 'nm';
      if (link.id === `d${shown()}`) link.ariaCurrent = 'page';
      const act = make('button', { type: 'button', className: 'act', tabIndex: -1, ariaHidden: true, textContent: '⋯' });
      const arrow = link.nextElementSibling, { oneBelow, below, notRead } = this.dataset;
      if (!arrow?.matches('a')) return link.after(act);
      const n = arrow.textContent, unread = n === '…';
      for (const part of [make('span', { className: 'cnt', ariaHidden: true, textContent: unread ? '' : n }),
        make('span', { className: 'sr', textContent: ` ${unread ? notRead : n === '1' ? oneBelow : fill(below, { n })} ` })]) link.insertBefore(part, link.querySelector('.ico'));
      Object.assign(arrow, { className: unread ? 'tw maybe' : 'tw', tabIndex: -1, ariaHidden: true, innerHTML: this.#icon(unread ? 'chevron-dotted' : 'chevron-right') });
      arrow.removeAttribute('aria-describedby');
      arrow.after(act);
      link.ariaExpanded = isOpen(li);
    }

    #icon(symbol) { return `<svg class="icon" aria-hidden="true"><use href="${this.dataset.sprite}#${symbol}"></use></svg>`; }

    #group(li) {
      const list = groupOf(li) ?? li.appendChild(make('ul'));
      Object.assign(list, { id: `g${idOf(li)}`, role: 'group' });
      linkOf(li).setAttribute('aria-owns', list.id);
      return list;
    }

    #sit(link) {
      if (this.#seat) this.#seat.tabIndex = -1;
      this.#seat = link;
      link.tabIndex = 0;
      this.#aim(rowOf(link));
    }

    #focus(link) {
      if (!link) return;
      this.#sit(link);
      link.focus();
    }

    // ---- Opening and closing

    #toggle(li, open = !isOpen(li)) {
      const link = linkOf(li);
      if (!arrowOf(li) || isOpen(li) === open) return;
      const group = this.#group(li);
      if (!open && group.contains(this.#seat)) focused(group) ? this.#focus(link) : this.#sit(link);
      group.hidden = !open;
      link.ariaExpanded = open;
      this.#remember(idOf(li), open);
      if (!open) return;
      if (group.firstElementChild) this.#look();
      else this.#load(li);
    }

    async #load(li) {
      const link = linkOf(li), group = this.#group(li), arrow = arrowOf(li), { empty, opened, openedOne, loading } = this.dataset;
      if (link.ariaBusy) return;
      if (focused(group)) this.#focus(link);
      link.ariaBusy = true;
      group.replaceChildren(make('li', { className: 'loading', ariaHidden: true, textContent: loading }));
      try {
        this.#place([[group, await askForBatch(`${arrow.pathname}?part=tree`)]]);
      } catch (failure) {
        return this.#failed(rowOf(group), failure.status);
      } finally {
        link.ariaBusy = null;
      }
      li = rowOf(group);            // maybe drawn anew meanwhile
      const { of, stale } = group.querySelector('.batch').dataset;
      say(fill(of === '0' ? empty : of === '1' ? openedOne : opened, { name: nameOf(li), n: figure(of) }));
      // Its row says something else now. Of many opened at once the last one asks.
      if (of === '0' || arrow.matches('.maybe') && !this.querySelector('[aria-busy]')) await this.#renew([this.#batchOf(li)]);
      if (of === '0') this.#remember(idOf(li), false);
      if (stale == null) return;
      await ask(`${arrow.pathname}?part=look`).catch(() => {});
      this.#look();
    }

    #failed(li, status) {
      const again = make('a', { href: arrowOf(li).href, innerHTML: this.#icon('alert') }), row = make('li', { className: 'failed' });
      again.append(this.#excuse(status));
      row.append(again);
      groupOf(li).replaceChildren(row);
      this.#dress();
      if (status === 404 || status === 410) this.#renew([this.#batchOf(li)]);        // gone: so is its row
    }

    #excuse(status) {
      const text = status === 429 ? this.dataset.busy : this.dataset.failed;
      say(text);
      return text;
    }

    async #more(li) {
      const link = linkOf(li);
      if (link.ariaBusy) return;
      link.ariaBusy = true;
      try {
        const batch = await askForBatch(`${link.pathname}${link.search}&part=tree`), { from, of } = batch.querySelector('.batch').dataset;
        const rows = [...batch.children].filter(idOf), here = focused(li);
        for (const old of this.#merge(li.parentElement, batch, li, li.nextElementSibling)) old.remove();
        this.#dress();
        if (here) this.#focus(linkOf(rows.at(li.matches('.before') ? -1 : 0)));
        say(fill(this.dataset.rows, { from: figure(Number(from) + 1), to: figure(Number(from) + rows.length), total: figure(of) }));
      } catch ({ status }) {
        link.textContent = this.#excuse(status);
        link.ariaBusy = null;
      }
    }

    #opened() { return [...this.root.querySelectorAll('ul:not([hidden])')].map(list => list.id.slice(1)); }

    /** For the server's next page: ids in base 36, newest first; "0" for none. */
    #remember(id, open) {
      const short = id => BigInt(id).toString(36), own = id && short(id);
      const known = document.cookie.match(/(?:^|; )tree=([^;]*)/)?.[1].split('.') ?? [];
      const ids = new Set([...open ? [own] : [], ...known, ...this.#opened().map(short)]);
      for (const not of ['', '0', open ? '' : own]) ids.delete(not);
      const secure = location.protocol === 'https:' ? '; Secure' : '';
      document.cookie = `tree=${[...ids].slice(0, COOKIE_LIMIT).join('.') || '0'}; Path=/; Max-Age=2592000; SameSite=Lax${secure}`;
    }

    // ---- Rows drawn anew, after one's own write or when changes from elsewhere are wanted

    #batchOf(li) {
      let marker = li;
      while (!isBatch(marker)) marker = marker.previousElementSibling;
      return `${holderOf(li)}.${marker.dataset.from}`;
    }

    /** Tells whether one could not be had. */
    async #renew(batches) {
      const levels = [];
      for (const batch of batches) {
        const [parent, from] = batch.split('.'), fresh = await askForBatch(`/departments/${parent === '0' ? '' : `${parent}/children/`}?part=tree&at=${from}`).catch(() => {});
        if (fresh) levels.push([parent === '0' ? this.root : $(`g${parent}`), fresh]);
      }
      this.#place(levels.filter(([list]) => list?.isConnected));
      return levels.length < batches.length;
    }

    /** Focus and tab stop stay with their department, or go to the next row, the previous, the parent. */
    #place(levels) {
      const heirs = [], had = focused(this.root);
      for (let li = rowOf(this.#seat); li; li = parentOf(li)) {
        const line = [...li.parentElement.children], i = line.indexOf(li);
        heirs.push(...line.slice(i), ...line.slice(0, i).reverse());
      }
      for (const li of levels.flatMap(level => this.#merge(...level))) li.remove();
      this.#dress();
      const heir = heirs.map(li => $(linkOf(li)?.id)).find(link => this.root.contains(link)) ?? this.#seat;
      if (had && !focused(this.root)) this.#focus(heir);
      else if (heir !== this.#seat) this.#sit(heir);
    }

    /** In the place of what stands between `at` and `end`, else of the same batch, else of all. What is open below a row comes along.
        Returns the old rows, to be removed when every level is in. */
    #merge(list, fresh, at, end = null) {
      let rows = [...fresh.children];
      const batches = [...list.children].filter(isBatch), { from } = rows.find(isBatch).dataset;
      const here = at ? -1 : batches.findIndex(li => li.dataset.from === from);
      if (here >= 0) {
        at = here ? batches[here] : list.firstElementChild;
        end = batches[here + 1] ?? null;
        rows = rows.filter(li => !li.matches('.more') || (li.matches('.before') ? !here : !end));
      }
      const old = [];
      for (let li = at ?? list.firstElementChild; li !== end; li = li.nextElementSibling) old.push(li);
      for (const row of rows) {
        const known = idOf(row) && $(linkOf(row).id)?.closest('li'), open = known && groupOf(known), fresher = groupOf(row);
        if (known && known.contains(list)) continue;        // broken data
        if (open && (fresher || linkOf(row).nextElementSibling)) {
          fresher?.remove();
          row.append(open);
          if (fresher) old.push(...this.#merge(open, fresher));
        }
        known?.remove?.();
        list.insertBefore(row, end);
      }
      return old;
    }

    redraw({ content, dataset: { below } }) {
      const holder = $(`d${below}`)?.closest('li'), list = below === '0' ? this.root : holder && this.#group(holder);
      if (list) this.#place([[list, content]]);
      this.#remember();
    }

    /** What is open and would be drawn differently now is offered. */
    async #look() {
      const box = $('tree-changes');
      let seen = [...this.root.querySelectorAll('.batch')].filter(li => !li.closest('ul[hidden]'))
        .map(li => `${holderOf(li)}.${li.dataset.from}.${li.dataset.version}`).join('_');
      if (seen.length > ADDRESS_LIMIT) seen = seen.slice(0, seen.lastIndexOf('_', ADDRESS_LIMIT));
      const offer = await ask(`${this.dataset.changes}?seen=${seen}`).catch(() => this.#offer);
      if (offer !== this.#offer && !focused(box)) box.innerHTML = this.#offer = offer;
    }

    async #show(button) {
      if (button.ariaDisabled) return;
      button.ariaDisabled = true;
      const box = $('tree-changes');
      const failed = await this.#renew(button.dataset.show.trim().split(' '));
      if (focused(box)) this.#focus(this.#seat);
      box.innerHTML = this.#offer = '';
      if (failed) this.#look();
      say(failed ? this.dataset.failed : this.dataset.updated);
    }

    // ---- Pointer

    #click(event) {
      const link = event.target.closest('a, button');
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      const { dataset } = link, li = link.closest('.tree li');
      if (link.matches('.toolbar button')) requestAnimationFrame(() => this.#put(link));
      if (dataset.show) return this.#show(link);
      if (dataset.view != null) dataset.copy = `${location.origin}/departments/${shown() && `${shown()}/`}?open=${this.#opened().join('.')}`;
      if (!li && !dataset.href) return;
      event.preventDefault();
      if (!li) this.#go(link, event);
      else if (link.matches('.tw')) { this.#toggle(li); this.#focus(linkOf(li)); }
      else if (link.matches('.act')) this.#menu(li, link);
      else if (li.matches('.failed')) this.#load(parentOf(li));
      else {
        if (document.activeElement !== link) this.#focus(link);       // Safari does not
        if (li.matches('.more')) this.#more(li);
        else this.#go(link, event);
      }
    }

    #go(link, event) {
      this.menu.hidePopover();
      window.htmx.ajax('GET', link.getAttribute('href'), { source: link, event, target: '#main', swap: 'innerHTML', push: 'true' }).catch(() => {});
    }

    // ---- Keys

    #key(event) {
      const { key } = event, link = event.target;
      if (event.isComposing || link.role !== 'treeitem' || event.ctrlKey || event.metaKey || event.altKey) return;
      const act = event.shiftKey && key === 'F10' ? () => this.#menu(rowOf(link), link) : this.#actOf(key, link, event);
      if (!act) return;
      event.preventDefault();
      act();
    }

    #actOf(key, link, event) {
      const li = rowOf(link);
      switch (key) {
        case 'ArrowDown': return () => this.#focus(this.#walk('nextNode', link));
        case 'ArrowUp': return () => this.#focus(this.#walk('previousNode', link));
        case 'ArrowRight': return () => isOpen(li) ? this.#focus(groupOf(li).querySelector('[role="treeitem"]')) : this.#toggle(li, true);
        case 'ArrowLeft': return () => isOpen(li) ? this.#toggle(li, false) : parentOf(li) && this.#focus(linkOf(parentOf(li)));
        case 'Home': return () => this.#focus(this.#walk('firstChild'));
        case 'End': return () => this.#focus(this.#walk('lastChild'));
        case '*': return () => this.#openAll(li.parentElement);
        case 'F2': return this.#page('edit', link, event);
        case 'Delete': return this.#page('delete', link, event);
        case 'ContextMenu': return () => this.#menu(li, link);
      }
      const now = Date.now(), typing = this.#word && now - this.#lastLetter < WORD_ENDS_AFTER;
      if (key === ' ' && !typing) return () => link.click();
      if ([...key].length !== 1) return null;
      return () => {
        this.#word = (typing ? this.#word : '') + key.toLowerCase();
        this.#lastLetter = now;
        this.#find(link);
      };
    }

    /** A key for a link of the menu, where it has that one for this row. */
    #page(name, link, event) {
      const entry = this.menu.querySelector(`[data-href$="/${name}/"]:not([hidden])`);
      return entry && link.id ? () => this.#go(entry, event) : null;
    }

    #openAll(list) {
      let loads = LOADS_AT_ONCE;
      for (const li of list.children) {
        if (arrowOf(li) && !isOpen(li) && (groupOf(li)?.firstElementChild || loads-- > 0)) this.#toggle(li, true);
      }
    }

    /** By name, pinyin or initials. One letter again and again goes round. */
    #find(from) {
      const word = this.#word, again = [...word].every(letter => letter === word[0]), start = again ? word[0] : word;
      const matches = link => link.id && [nameOf(rowOf(link)).toLowerCase(), ...(rowOf(link).dataset.k ?? '').split(' ')].some(key => key.startsWith(start));
      const after = link => this.#walk('nextNode', link) ?? this.#walk('firstChild');
      let link = again ? after(from) : from;
      for (const first = link; !matches(link);) if ((link = after(link)) === first) return;
      this.#focus(link);
    }

    // ---- Toolbar and menu speak of the row with the tab stop

    #aim(li) {
      const id = idOf(li), name = nameOf(li);
      if (!id) return;
      const kinds = [id === '1' && 'root', li.querySelector(':scope > .nm use[href$="#link"]') && 'linked', !linkOf(li).href && 'page'].filter(Boolean);
      for (const part of this.querySelectorAll('[data-href], [data-id]')) {
        const { href, label, not = '' } = part.dataset;
        part.hidden = kinds.some(kind => not.includes(kind));
        if (href) part.href = fill(href, { id });
        else part.dataset.copy = id;
        if (label) part.ariaLabel = fill(label, { name });
      }
    }

    #menu(li, anchor) {
      if (!idOf(li)) return;
      this.#focus(linkOf(li));
      this.menu.showPopover();
      this.#put(anchor);
      this.menu.querySelector(':scope > :not([hidden])').focus();
    }

    #put(anchor) {
      const { style, offsetWidth, offsetHeight } = this.menu, { left, bottom } = anchor.getBoundingClientRect();
      style.left = `${Math.min(left, innerWidth - offsetWidth - 8)}px`;
      style.top = `${Math.min(bottom, innerHeight - offsetHeight - 8)}px`;
    }

    mark() {
      const now = $(`d${shown()}`);
      for (const old of this.querySelectorAll('.nm[aria-current]')) if (old !== now) old.ariaCurrent = null;
      if (!now) return;
      now.ariaCurrent = 'page';
      if (focused(this.root) || now.closest('ul[hidden]')) return;
      this.#sit(now);
      now.scrollIntoView({ block: 'nearest' });
    }
  }

  customElements.define('dept-tree', DeptTree);

  document.addEventListener('htmx:afterSwap', ({ detail: { target } }) => {
    const tree = document.querySelector('dept-tree'), template = target.querySelector('template[data-below]');
    template?.remove();
    if (target.id !== 'main' || !tree?.root) return;
    if (template) tree.redraw(template);
    tree.mark();
  });
})();
