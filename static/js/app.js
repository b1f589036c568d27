// What the pages can do better with JavaScript. Each of them works without it.
"use strict";

(() => {
  const all = (selector) => document.querySelectorAll(selector);

  // Times are shown in the reader's zone from the next page on (wallets/pages.py reads the cookie).
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `timezone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  // A second press on the button of a form that is on its way sends nothing. The server would see to it too.
  all("form[data-once]").forEach((form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      form.querySelectorAll("button:not([type=button])").forEach((button) => {
        button.setAttribute("aria-disabled", "true");
      });
    });
  });
  // Come back with "back", the form is fresh.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    all("form[data-once]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
    });
  });

  all("[data-reveal]").forEach((button) => {
    const input = document.getElementById(button.dataset.reveal);
    const [word] = button.childNodes;
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      word.textContent = shown ? "Show" : "Hide";
      button.setAttribute("aria-pressed", String(!shown));
    });
  });

  const copied = document.createElement("div");
  copied.className = "visually-hidden";
  copied.setAttribute("role", "status");
  document.body.append(copied);

  // Copying and printing, offered where scripts run: on the page as it came, and on what htmx has put into it.
  const offer = () => {
    all("[data-copy]").forEach((button) => (button.hidden = !navigator.clipboard));
    all("[data-print]").forEach((button) => (button.hidden = false));
  };
  offer();
  document.addEventListener("htmx:afterSettle", offer);
  const copy = async (button) => {
    const word = button.querySelector("span");
    const text = document.getElementById(button.dataset.copy).innerText.trim();
    // A browser may refuse, and then says so to nobody but us.
    const said = await navigator.clipboard.writeText(text).then(
      () => "Copied",
      () => "Not copied"
    );
    word.textContent = said;
    copied.textContent = said;
    setTimeout(() => {
      word.textContent = "Copy";
      copied.textContent = "";
    }, 2000);
  };
  document.addEventListener("click", (event) => {
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    if (event.target.closest("[data-print]")) window.print();
  });

  // The amount: ready-made ones to press, and the sign of the wallet that is chosen.
  const amount = document.getElementById("id_amount");
  all("[data-amounts]").forEach((group) => {
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const chip = event.target.closest("[data-amount]");
      if (!chip) return;
      amount.value = chip.dataset.amount;
      amount.focus();
    });
  });
  const sign = document.getElementById("amount-sign");
  const choices = [...all("[data-sign]")];
  if (sign && choices.length) {
    const show = () => {
      const chosen = choices.find((choice) => choice.checked);
      sign.textContent = chosen ? chosen.dataset.sign : "";
      sign.hidden = !chosen;
    };
    choices.forEach((choice) => choice.addEventListener("change", show));
    show();
  }

  // htmx replaces parts of a page. Where that fails, or the session has ended, the whole page is asked for.
  if (window.htmx || document.querySelector('meta[name="htmx-config"]')) {
    const isLive = (element) => element.matches("[data-live]");
    const hide = () => all("[data-hide-with-htmx]").forEach((one) => (one.hidden = true));
    hide();
    document.addEventListener("htmx:afterSwap", hide);
    document.addEventListener("htmx:beforeSwap", (event) => {
      const { xhr, pathInfo } = event.detail;
      const answered = new URL(xhr.responseURL || location.href, location.href);
      const asked = new URL(pathInfo.finalRequestPath || pathInfo.requestPath, location.href);
      if (answered.pathname !== asked.pathname) {
        event.detail.shouldSwap = false;
        if (isLive(event.detail.requestConfig.elt)) location.reload();
        else location.assign(asked);
      }
    });
    const whole = ({ pathInfo }) => location.assign(pathInfo.finalRequestPath || pathInfo.requestPath);

    // A transfer on its way is followed while somebody looks. A look that fails is made again, a few times, and then
    // the link to load the page anew is shown.
    const isFollower = (element) => element.matches("[data-follow]");
    const follow = (follower) => follower.isConnected && window.htmx.trigger(follower, "resume");
    const followLater = (follower) => {
      const faults = Number(follower.dataset.faults || 0) + 1;
      follower.dataset.faults = faults;
      if (faults < 5) setTimeout(follow, 2000 * faults, follower);
      else follower.querySelectorAll("[hidden]").forEach((link) => (link.hidden = false));
    };
    document.addEventListener("htmx:beforeRequest", (event) => {
      const { elt } = event.detail;
      if (document.hidden && (isFollower(elt) || isLive(elt))) event.preventDefault();
    });

    // A page that is live asks every few seconds, and as soon as it is seen again. It names the state that it shows, so
    // that the answer is empty while nothing has changed. A look that fails needs nothing: the next one follows.
    document.addEventListener("htmx:configRequest", (event) => {
      const { elt, headers } = event.detail;
      if (isLive(elt)) headers["If-None-Match"] = elt.dataset.etag;
    });
    // What has been read out already is not read out again.
    document.addEventListener("htmx:oobBeforeSwap", (event) => {
      const { target, fragment } = event.detail;
      if (target.textContent === fragment.textContent) event.detail.shouldSwap = false;
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      all("[data-follow]").forEach(follow);
      all("[data-live]").forEach((live) => window.htmx.trigger(live, "look"));
    });

    const failed = ({ detail }) => {
      if (isFollower(detail.elt)) followLater(detail.elt);
      else if (!isLive(detail.elt)) whole(detail);
    };
    document.addEventListener("htmx:responseError", failed);
    document.addEventListener("htmx:sendError", failed);
  }
})();
