defimpl Inspect, for: [Guildhall.Guild.Request, Guildhall.Guild.Server] do
  @moduledoc false

  # What a crash report shows of a room: not its state, which is large, nor what people wrote.

  @spec inspect(struct(), Inspect.Opts.t()) :: Inspect.Algebra.t()
  def inspect(%{__struct__: module} = struct, options) do
    shown = Map.take(struct, [:instance, :room_id, :actor])
    Inspect.Algebra.concat(["#", Kernel.inspect(module), Inspect.Algebra.to_doc(shown, options)])
  end
end
