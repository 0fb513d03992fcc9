// Drives Chromium for the Go tests: reads one JSON command a line from stdin, prints one JSON answer a line.
//
//   {id, do, ...arguments}  →  {id, value} or {id, error}
//
// Commands run side by side; what a test does in order it asks for in order. Pages are numbered by the driver. When stdin
// ends, so do the browser and the driver: a test process that dies leaves nothing behind.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { chromium } from 'playwright-core'

const always = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

let browser // of pages with a storage of their own each
let profile // the one context of a browser with a profile that outlives it
const pages = new Map()
let last = 0

const commands = {
  // launch starts Chromium: with a profile folder, as a person's browser, whose storage outlives it; without, each page
  // has a storage of its own. Further flags of Chromium may follow.
  async launch({ executable, folder, flags }) {
    const args = [...always, ...(flags ?? [])]
    if (folder) {
      profile = await chromium.launchPersistentContext(folder, { executablePath: executable, args })
    } else {
      browser = await chromium.launch({ executablePath: executable, args })
    }
  },

  // open makes a page and loads an address. beside names a page whose storage it shares, as a second tab does.
  async open({ url, beside }) {
    const context = beside ? of(beside).page.context() : (profile ?? (await browser.newContext()))
    const page = await context.newPage()
    const id = keep(page)
    await page.goto(url)
    return id
  },

  // follow clicks on what opens another page, and returns that once it is loaded.
  async follow({ page, selector }) {
    const { page: from } = of(page)
    const opened = new Promise((resolve) => from.once('popup', (popup) => resolve({ popup, id: keep(popup) })))
    await from.locator(selector).first().click()
    const { popup, id } = await opened
    await popup.waitForURL((url) => url.href !== 'about:blank')
    return id
  },

  async reload({ page }) {
    await of(page).page.reload()
  },

  async close({ page }) {
    await of(page).page.close()
    pages.delete(page)
  },

  // quit closes the browser as a person does.
  async quit() {
    await (profile ?? browser).close()
  },

  // choose hands files to an input, or a folder to one that takes folders. opener names a button that brings the input up when
  // it is not there.
  async choose({ page, selector, opener, paths }) {
    const target = of(page).page
    for (let tries = 30; ; tries--) {
      if (opener && (await target.locator(selector).count()) === 0) {
        await target.evaluate((selector) => document.querySelector(selector)?.click(), opener)
      }
      try {
        await target.locator(selector).first().setInputFiles(paths, { timeout: opener ? 1000 : 30_000 })
        return
      } catch (error) {
        if (!opener || tries === 0) throw error
      }
    }
  },

  // pick presses a key on what has the focus and opens the system's file dialog, and chooses files there.
  async pick({ page, key, paths }) {
    const target = of(page).page
    const chooses = once(target, 'filechooser')
    await target.keyboard.press(key)
    const [chooser] = await chooses
    await chooser.setFiles(paths)
  },

  // drop drags files from outside the browser and drops them on an element.
  async drop({ page, selector, paths }) {
    const target = of(page).page
    const box = await target.locator(selector).first().boundingBox()
    const session = await target.context().newCDPSession(target)
    const data = { items: [], files: paths, dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await session.send('Input.dispatchDragEvent', { type, x: box.x + box.width / 2, y: box.y + box.height / 2, data })
    }
    await session.detach()
  },

  async click({ page, selector }) {
    await of(page).page.locator(selector).first().click()
  },

  async press({ page, key }) {
    await of(page).page.keyboard.press(key)
  },

  // paste puts text where the focus is, as a paste does.
  async paste({ page, text }) {
    await of(page).page.keyboard.insertText(text)
  },

  // download clicks on what has the browser download a file, and says its name and where it lies now.
  async download({ page, selector }) {
    const target = of(page).page
    const downloads = target.waitForEvent('download')
    await target.locator(selector).first().click()
    const download = await downloads
    return { name: download.suggestedFilename(), path: await download.path() }
  },

  async offline({ page, value }) {
    await of(page).page.context().setOffline(value)
  },

  // show changes what the page is shown on.
  async show({ page, width, height, scheme }) {
    await of(page).page.setViewportSize({ width, height })
    await of(page).page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
  },

  async grant({ page, permissions }) {
    await of(page).page.context().grantPermissions(permissions)
  },

  // run runs JavaScript in the page and returns what it returns, or what its promise does.
  run: ({ page, script }) => of(page).page.evaluate(script),

  // wait returns when an expression, or what its promise becomes, is true. A page that is just being loaded is asked again.
  // (Playwright's own waitForFunction evaluates text within the page, which a strict Content-Security-Policy forbids.)
  async wait({ page, script, timeout }) {
    const end = Date.now() + timeout
    for (;;) {
      let problem
      try {
        if (await of(page).page.evaluate(script)) return
      } catch (error) {
        problem = error
      }
      if (Date.now() > end) throw problem ?? new Error('it never became true')
      await setTimeout(50)
    }
  },

  // screenshot makes a picture of the whole page, or of what is in the window.
  async screenshot({ page, path, window }) {
    await of(page).page.screenshot({ path, fullPage: !window, animations: 'disabled' })
  },

  // axe lists what keeps people from using the page who use it in another way than most.
  async axe({ page }) {
    const target = of(page).page
    // Colours on their way from one to another are neither's.
    await target.evaluate(async () => {
      for (let calm = 0; calm < 3; calm++) {
        await new Promise(requestAnimationFrame)
        for (const animation of document.getAnimations()) {
          if (animation instanceof CSSTransition) {
            animation.finish()
            calm = 0
          }
        }
      }
    })
    await target.evaluate(await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'))
    const { violations } = await target.evaluate('axe.run()')
    return violations.map((v) => `${v.id} [${v.impact}]: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join('; ')}`)
  },

  // said is what the console had to warn of, exceptions and dialogs.
  said: ({ page }) => of(page).said,
}

// keep numbers a page and notes what it has to say.
function keep(page) {
  const id = ++last
  const said = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) said.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => said.push(`exception: ${error.message}`))
  page.on('dialog', (dialog) => {
    said.push(`dialog: ${dialog.message()}`)
    dialog.dismiss().catch(() => {})
  })
  page.on('crash', () => said.push('crash'))
  page.on('filechooser', () => {}) // from the first listener on no real dialog opens
  pages.set(id, { page, said })
  return id
}

function of(id) {
  const page = pages.get(id)
  if (!page) throw new Error(`there is no page ${id}`)
  return page
}

function print(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: name, ...rest } = JSON.parse(line)
  Promise.resolve()
    .then(() => commands[name](rest))
    .then((value) => print({ id, value }))
    .catch((error) => print({ id, error: String(error?.message ?? error) }))
}
await Promise.allSettled([browser?.close(), profile?.close()])
process.exit(0)
