/** HTTP through the mesh: one reading of each request, the way it takes, and what carries it. */
export { allowAll } from './authorizer.ts'
export type { HttpAuthorizer, HttpVerdict } from './authorizer.ts'
export type { Downstream } from './downstream.ts'
export { RouteTable } from './routing/route-table.ts'
export type { CompiledTable, RoutedPort } from './routing/route-table.ts'
export type { RequestView } from './routing/request-view.ts'
