defmodule Guildhall.Model do
  @moduledoc """
  The nouns of the chat, as values: what is stored, sent and checked, without a process.

  The structs (`Guildhall.Model.User`, `Guildhall.Model.Guild`, `Guildhall.Model.Message`, ...) hold
  integers: ids are snowflakes, times (`_at`) are unix milliseconds, permissions are masks. How they
  look in the store is `Guildhall.Model.Row`; how they look to clients is `Guildhall.Model.Json` and
  `Guildhall.Model.Dispatch`; how what clients send becomes one of them is `Guildhall.Model.Form`.

  The rest is the arithmetic of the protocol: `Guildhall.Model.Snowflake`,
  `Guildhall.Model.Rights`, `Guildhall.Model.Intents`, `Guildhall.Model.Token`,
  `Guildhall.Model.Mentions` and `Guildhall.Model.Text`.
  """

  @typedoc "A snowflake."
  @type id :: non_neg_integer()

  @typedoc "Unix time in milliseconds."
  @type time :: integer()
end
