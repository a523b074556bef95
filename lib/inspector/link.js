// SPDX-License-Identifier: MIT
// The connection to the program: JSON that tells, JSON that asks, and the bytes of a packet as a binary message
// behind the answer that announces them.

export class Link {
  // on: functions hello(message), update(message), answer(message, bytes), state("connecting" | "live" | "lost").
  constructor(on) {
    this.on = on;
    this.delay = 500;
    this.connect();
  }

  connect() {
    this.on.state("connecting");
    this.announced = null;
    const url = new URL("socket", location.href);
    url.protocol = "ws:";
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => {
      this.on.state("lost");
      setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(this.delay * 2, 8000);
    };
  }

  receive(data) {
    if (typeof data !== "string") {
      const answer = this.announced;
      this.announced = null;
      if (answer) this.on.answer(answer, new Uint8Array(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.update) {
      this.on.update(message);
      // Only what has been shown has been seen: a page that cannot keep up is told less.
      this.onceShown(() => this.say({ do: "seen", update: message.update }));
    } else if (message.answer === "show") {
      this.announced = message;
    } else if (message.answer) {
      this.on.answer(message);
    } else {
      this.delay = 500;
      this.on.state("live");
      this.on.hello(message);
    }
  }

  // A page that is not looked at is not drawn, but goes on to count.
  onceShown(then) {
    if (document.hidden) then();
    else requestAnimationFrame(then);
  }

  say(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
