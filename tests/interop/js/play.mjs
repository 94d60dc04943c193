// Plays scenarios of one library and says how each went, one JSON line each, as the Go tests read it.

export async function play(scenarios, patience = 20_000) {
  console.log(JSON.stringify({ plan: Object.keys(scenarios) }));
  const run = Math.random().toString(36).slice(2);
  for (const [name, scenario] of Object.entries(scenarios)) {
    const started = Date.now();
    const tools = {
      unique: (word) => `${word}-${name.replace(/[^a-z]+/gi, '-')}-${run}`,
      equal(got, want, what) {
        if (got !== want) throw new Error(`${what}: got ${JSON.stringify(got)?.slice(0, 200)}, want ${JSON.stringify(want)?.slice(0, 200)}`);
      },
    };
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('nothing happened for too long')), patience); });
    let result;
    try {
      await Promise.race([scenario(tools), late]);
      result = { name, ok: true, ms: Date.now() - started };
    } catch (error) {
      result = { name, ok: false, error: String(error?.stack ?? error), ms: Date.now() - started };
    }
    clearTimeout(timer);
    console.log(JSON.stringify(result));
  }
}
