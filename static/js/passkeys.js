// Passkeys: makes one, or asks for one, when a button is pressed, and submits the form with the browser's answer.
// A form is described by its attributes:
//   data-passkey="create" or "get"
//   data-options  what the server asks for, as JSON. Without it, the form's address is asked when the button is pressed.
// Inside it: an input named credential, [data-passkey-start] (the button, hidden without this script) and
// [data-passkey-note] (a text that tells what went wrong). [data-passkey-missing] is shown where there are no passkeys.

const decode = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));

const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const decodedIds = (list) => (list || []).map((one) => ({ ...one, id: decode(one.id) }));

const create = async ({ publicKey }) => {
  const credential = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: decode(publicKey.challenge),
      user: { ...publicKey.user, id: decode(publicKey.user.id) },
      excludeCredentials: decodedIds(publicKey.excludeCredentials),
    },
  });
  const { attestationObject, clientDataJSON } = credential.response;
  return answer(credential, { attestationObject, clientDataJSON });
};

const get = async ({ publicKey }) => {
  const credential = await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: decode(publicKey.challenge),
      allowCredentials: decodedIds(publicKey.allowCredentials),
    },
  });
  const { authenticatorData, clientDataJSON, signature, userHandle } = credential.response;
  return answer(credential, { authenticatorData, clientDataJSON, signature, userHandle });
};

const answer = (credential, buffers) => {
  const given = Object.entries(buffers).filter(([, buffer]) => buffer);
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    response: Object.fromEntries(given.map(([name, buffer]) => [name, encode(buffer)])),
    clientExtensionResults: credential.getClientExtensionResults(),
  };
};

// A form of its own for the passkey keeps the boxes of the form beside it that are ticked.
const copy = (form) =>
  form.querySelectorAll("[data-passkey-copy]").forEach((input) => {
    input.value = document.getElementById(input.dataset.passkeyCopy)?.checked ? "on" : "";
  });

const options = async (form) => {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const asked = new FormData(form);
  asked.delete("credential");
  const body = new URLSearchParams(asked);
  const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
  if (response.status === 429) throw new Error("Too many attempts. Wait a minute, then try again.");
  if (!response.ok || response.redirected) throw new Error("The site did not answer. Reload the page and try again.");
  return response.json();
};

const words = (error) => {
  if (error.name === "InvalidStateError") return "This device already has a passkey for your account.";
  if (error.name === "NotAllowedError") return "No passkey was used. Try again, or choose another way.";
  if (error.name === "SecurityError") return "Passkeys do not work at this address.";
  return error instanceof DOMException ? "Your browser could not do this. Try again." : error.message;
};

const start = async (form, note) => {
  note.textContent = "";
  try {
    const asked = await options(form);
    const made = await (form.dataset.passkey === "create" ? create(asked) : get(asked));
    copy(form);
    form.elements.credential.value = JSON.stringify(made);
    form.submit();
  } catch (error) {
    note.textContent = words(error);
  }
};

const canUse = Boolean(window.PublicKeyCredential && navigator.credentials);
document.querySelectorAll("form[data-passkey]").forEach((form) => {
  const button = form.querySelector("[data-passkey-start]");
  const note = form.querySelector("[data-passkey-note]");
  const missing = form.querySelector("[data-passkey-missing]");
  if (missing) missing.hidden = canUse;
  if (!canUse) return;
  button.hidden = false;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) {
      button.disabled = true;
      start(form, note).finally(() => (button.disabled = false));
    }
  });
});
