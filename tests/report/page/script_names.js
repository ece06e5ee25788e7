// Names in scripts that are joined within one function: prints, as JSON, for each file of the command line
//   declared (at its top level), free (used, declared nowhere in the file), unused (declared, used nowhere in the file),
//   inner (declared in an inner scope), problems (var, sloppy declarations).
// Run with --expose-internals: the parser is the one that Node brings along.
const { readFileSync } = require("fs");
const { parse } = require("internal/deps/acorn/acorn/dist/acorn");

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);
const SCOPES = new Set(["Program", "BlockStatement", "ForStatement", "ForOfStatement", "ForInStatement", "SwitchStatement",
  "CatchClause", "StaticBlock", ...FUNCTIONS]);

const childrenOf = (node) => Object.values(node).flat().filter((value) => value && typeof value.type === "string");

// Identifiers that a pattern binds.
const bound = (pattern) => {
  switch (pattern?.type) {
    case "Identifier": return [pattern];
    case "ObjectPattern": return pattern.properties.flatMap((part) => bound(part.value ?? part.argument));
    case "ArrayPattern": return pattern.elements.flatMap(bound);
    case "AssignmentPattern": return bound(pattern.left);
    case "RestElement": return bound(pattern.argument);
    default: return [];
  }
};

const isName = (node, parent) => {
  if (parent.type === "MemberExpression") return parent.computed || parent.object === node;
  if (["Property", "MethodDefinition", "PropertyDefinition"].includes(parent.type)) {
    return parent.computed || parent.value === node || parent.shorthand;
  }
  return true;
};

const analyse = (text) => {
  const program = parse(text, { ecmaVersion: "latest" });
  const result = { declared: [], free: [], unused: [], inner: [], problems: [] };
  const scopes = new Map(), bindings = new Set();
  const declare = (scope, identifiers) => identifiers.forEach((identifier) => {
    scope.names.set(identifier.name, 0);
    bindings.add(identifier);
    (scope.parent ? result.inner : result.declared).push(identifier.name);
  });
  const collect = (node, outer) => {
    let scope = outer;
    if (SCOPES.has(node.type)) {
      scope = { parent: outer, names: new Map() };
      scopes.set(node, scope);
    }
    if (node.type === "VariableDeclaration") {
      if (node.kind === "var") result.problems.push(`var in ${text.slice(node.start, node.start + 40)}`);
      declare(scope, node.declarations.flatMap((declaration) => bound(declaration.id)));
    }
    if (["FunctionDeclaration", "ClassDeclaration"].includes(node.type)) declare(outer, [node.id]);
    if (FUNCTIONS.has(node.type)) declare(scope, node.params.flatMap(bound));
    if (node.type === "CatchClause" && node.param) declare(scope, bound(node.param));
    for (const child of childrenOf(node)) collect(child, scope);
  };
  const resolve = (node, parent, outer) => {
    const scope = scopes.get(node) ?? outer;
    if (node.type === "Identifier" && !bindings.has(node) && isName(node, parent)) {
      let place = scope;
      while (place && !place.names.has(node.name)) place = place.parent;
      if (place) place.names.set(node.name, place.names.get(node.name) + 1);
      else result.free.push(node.name);
    }
    for (const child of childrenOf(node)) resolve(child, node, scope);
  };
  collect(program, null);
  resolve(program, program, null);
  for (const { names } of scopes.values()) {
    for (const [name, uses] of names) if (uses === 0 && !name.startsWith("_")) result.unused.push(name);
  }
  return Object.fromEntries(Object.entries(result).map(([key, names]) => [key, [...new Set(names)].sort()]));
};

const results = process.argv.slice(2).map((path) => [path, analyse(readFileSync(path, "utf8"))]);
console.log(JSON.stringify(Object.fromEntries(results)));
