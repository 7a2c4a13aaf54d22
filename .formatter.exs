[
  inputs: ["*.{ex,exs}", "{config,examples,lib,mix_tasks,test,bench}/**/*.{ex,exs}"],
  locals_without_parens: [property: 2, property: 3, forall: 2, forall: 3],
  export: [locals_without_parens: []]
]
