defimpl Inspect, for: Guildhall.User.Account do
  @moduledoc false

  # Without the token, which opens the account to whoever reads a log.

  @doc false
  @spec inspect(Guildhall.User.Account.t(), Inspect.Opts.t()) :: Inspect.Algebra.t()
  def inspect(account, options) do
    shown = account |> Map.from_struct() |> Map.delete(:token)
    Inspect.Algebra.concat(["#Guildhall.User.Account", Inspect.Algebra.to_doc(shown, options)])
  end
end
