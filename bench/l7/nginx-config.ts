import { join } from 'node:path'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import { methods, portOf, retry } from './entries.ts'
import type { Entry } from './entries.ts'
import { routeCount, routeExpression } from './load/questions.ts'
import type { ProxySetting } from './proxies.ts'

/** No access log, kept connections without end, and buffers that hold a whole body, so that none goes through a file. */
export function nginxFiles({
  folder,
  firstPort,
  maxConnections,
  entries,
}: ProxySetting): ReadonlyMap<string, string> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/nginx-${name};\n`)
    .join('')
  const text = `daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile ${2 * maxConnections};
pid ${folder}/nginx.pid;
error_log stderr;
pcre_jit on;
events { worker_connections ${2 * maxConnections}; }
http {
  access_log off;
  keepalive_timeout 10m;
  keepalive_requests 1000000000;
  client_body_buffer_size 128k;
  proxy_buffers 16 16k;
${temporary}${entries.map((entry) => server(entry, portOf(entry.name, firstPort))).join('')}}
`
  return new Map([[join(folder, 'nginx.conf'), text]])
}

function server({ name, takes, sends, backendPorts, routes, retries }: Entry, port: number): string {
  // Else one that failed is left alone for ten seconds, and all go to the other one.
  const counts = retries ? ' max_fails=0' : ''
  const servers = backendPorts.map((backendPort) => `server ${farIp}:${backendPort}${counts};`).join(' ')
  const pass = sends === 'http2' ? `grpc_pass grpc://${name};` : `proxy_pass http://${name};`
  const inside = `{ limit_except ${methods.join(' ')} { deny all; } ${pass} }`
  const again = retries
    ? `    proxy_next_upstream error timeout http_${retry.status};\n    proxy_next_upstream_tries ${retry.attempts + 1};\n`
    : ''
  const locations =
    routes === 'one'
      ? [`    location / ${inside}\n`]
      : Array.from({ length: routeCount }, (_, i) => `    location ~ ^${routeExpression(i)}$ ${inside}\n`)
  return `  upstream ${name} { ${servers} keepalive 512; keepalive_requests 1000000000; }
  server {
    listen ${nearIp}:${port}${takes === 'http2' ? ' http2' : ''};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
${again}${locations.join('')}  }
`
}
