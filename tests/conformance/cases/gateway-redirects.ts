import type { CaseGroup, Step } from '../lib/case.ts'
import { filter, prefix, route } from './manifests.ts'
import { refused } from './steps.ts'

/** Every one compares the whole Location: the official tests look at the status alone. */

const spec = 'HTTPRequestRedirectFilter'

function redirects(table: Readonly<Record<string, object>>): readonly object[] {
  return Object.entries(table).map(([path, redirect]) => ({
    matches: [prefix(path)],
    filters: [filter('RequestRedirect', redirect)],
  }))
}

function sentTo(to: string, path: string, location: string, status: number = 302): Step {
  return refused({ to, path }, status, { headers: { location } })
}

const byPath = (type: 'ReplaceFullPath' | 'ReplacePrefixMatch', value: string): object => ({
  path: { type, [`r${type.slice(1)}`]: value },
})

/** Answers that send the caller elsewhere. */
export const redirectCases: CaseGroup = [
  {
    id: 'redirects/host-and-status',
    proves: 'A redirect to another host keeps scheme, path and query; 302 unless a code is given',
    spec: `${spec}.hostname; MeshHTTPRouteRedirectHostAndStatus`,
    manifests: [
      route({
        rules: redirects({
          '/host': { hostname: 'example.org' },
          '/moved': { hostname: 'example.org', statusCode: 301 },
        }),
      }),
    ],
    steps: [
      sentTo('app-svc', '/host/a?b=c', 'http://example.org/host/a?b=c'),
      sentTo('app-svc', '/moved', 'http://example.org/moved', 301),
    ],
  },
  {
    id: 'redirects/codes',
    proves: 'Each of 301, 302, 303, 307 and 308 is answered as it is written',
    spec: `${spec}.statusCode; MeshHTTPRoute303Redirect, 307, 308`,
    manifests: [
      route({
        rules: redirects(
          Object.fromEntries(
            [301, 302, 303, 307, 308].map((code) => [
              `/${code}`,
              { hostname: 'example.org', statusCode: code },
            ]),
          ),
        ),
      }),
    ],
    steps: [301, 302, 303, 307, 308].map((code) =>
      sentTo('app-svc', `/${code}`, `http://example.org/${code}`, code),
    ),
  },
  {
    id: 'redirects/port',
    proves:
      "A port is written into Location, unless it is the scheme's own; without one the port of the Service stays",
    spec: `${spec}.port; MeshHTTPRouteRedirectPort`,
    manifests: [
      route({
        rules: redirects({
          '/port': { port: 8083 },
          '/both': { hostname: 'example.org', port: 8083 },
          '/own': { hostname: 'example.org', port: 80 },
          '/none': { hostname: 'example.org' },
        }),
      }),
    ],
    steps: [
      sentTo('app-svc', '/port', 'http://app-svc:8083/port'),
      sentTo('app-svc', '/both', 'http://example.org:8083/both'),
      sentTo('app-svc', '/own', 'http://example.org/own'),
      sentTo('app-svc', '/none', 'http://example.org/none'),
      sentTo('app-svc:8080', '/own', 'http://example.org/own'),
      sentTo('app-svc:8080', '/none', 'http://example.org:8080/none'),
    ],
  },
  {
    id: 'redirects/scheme',
    proves: "With another scheme the port is that scheme's own, and is not written",
    spec: `${spec}.scheme; MeshHTTPRouteSchemeRedirect`,
    manifests: [
      route({
        rules: redirects({
          '/scheme': { scheme: 'https' },
          '/host': { scheme: 'https', hostname: 'example.org' },
          '/port': { scheme: 'https', hostname: 'example.org', port: 8443 },
          '/443': { scheme: 'https', hostname: 'example.org', port: 443 },
          '/80': { scheme: 'https', hostname: 'example.org', port: 80 },
        }),
      }),
    ],
    steps: [
      sentTo('app-svc', '/scheme', 'https://app-svc/scheme'),
      sentTo('app-svc:8080', '/scheme', 'https://app-svc/scheme'),
      sentTo('app-svc', '/host', 'https://example.org/host'),
      sentTo('app-svc', '/port', 'https://example.org:8443/port'),
      sentTo('app-svc', '/443', 'https://example.org/443'),
      sentTo('app-svc', '/80', 'https://example.org:80/80'),
    ],
  },
  {
    id: 'redirects/path',
    proves: 'Location has the replaced path or prefix, by the same table as rewrites',
    spec: `${spec}.path; MeshHTTPRouteRedirectPath`,
    manifests: [
      route({
        rules: redirects({
          '/original-prefix': byPath('ReplacePrefixMatch', '/replacement-prefix'),
          '/full': byPath('ReplaceFullPath', '/replaced'),
          '/with-host': { hostname: 'example.org', ...byPath('ReplacePrefixMatch', '/p') },
          '/strip': byPath('ReplacePrefixMatch', '/'),
        }),
      }),
    ],
    steps: [
      sentTo('app-svc', '/original-prefix/lemon', 'http://app-svc/replacement-prefix/lemon'),
      sentTo('app-svc', '/original-prefix', 'http://app-svc/replacement-prefix'),
      sentTo('app-svc', '/full/path/original', 'http://app-svc/replaced'),
      sentTo('app-svc', '/with-host/x?q=1', 'http://example.org/p/x?q=1'),
      sentTo('app-svc', '/strip', 'http://app-svc/'),
    ],
  },
  {
    id: 'redirects/by-host-header',
    proves: 'Location without a hostname has the host that the caller asked for, also over HTTP/2',
    spec: `${spec}.hostname`,
    manifests: [route({ rules: redirects({ '/': { scheme: 'https' } }) })],
    steps: [
      refused({ authority: 'shop.example', path: '/a' }, 302, {
        headers: { location: 'https://shop.example/a' },
      }),
      refused({ authority: 'shop.example:8080', path: '/a', protocol: 'http2' }, 302, {
        headers: { location: 'https://shop.example/a' },
      }),
    ],
  },
]
