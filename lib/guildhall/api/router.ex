defmodule Guildhall.Api.Router do
  @moduledoc false

  # Makes a module of a table of routes:
  #
  #     use Guildhall.Api.Router, [
  #       {"GET", "/users/@me", &Users.me/1},
  #       {"GET", "/users/{user_id}", &Users.get/1, limit: {30, 10_000}}
  #     ]
  #
  # `all/0` is the table, `match/2` a clause per route in the order of the table: a path with
  # a name in it stands before the one with a parameter in its place.

  alias Guildhall.Api.Route

  @type params :: [{atom(), String.t()}]
  @type miss :: :unknown_route | {:method_not_allowed, [String.t()]}

  defmacro __using__(table) do
    quote bind_quoted: [table: table, router: __MODULE__] do
      @routes Enum.map(table, &Guildhall.Api.Route.new/1)

      @spec all() :: [Guildhall.Api.Route.t()]
      def all, do: unquote(Macro.escape(@routes))

      @spec match(String.t(), [String.t()]) ::
              {:ok, Guildhall.Api.Route.t(), Guildhall.Api.Router.params()}
              | {:error, Guildhall.Api.Router.miss()}
      for route <- @routes do
        {pattern, params} = router.pattern(route)

        def match(unquote(route.method), unquote(pattern)) do
          {:ok, unquote(Macro.escape(route)), unquote(params)}
        end
      end

      for {pattern, methods} <- router.methods(@routes) do
        def match(_method, unquote(pattern)),
          do: {:error, {:method_not_allowed, unquote(methods)}}
      end

      def match(_method, _segments), do: {:error, :unknown_route}
    end
  end

  # The segments as a pattern, and the parameters that it binds.
  @spec pattern(Route.t()) :: {Macro.t(), Macro.t()}
  def pattern(route) do
    params = for {:param, name} <- route.segments, do: {name, Macro.var(name, __MODULE__)}
    {Enum.map(route.segments, &variable/1), params}
  end

  # Each path once, with the methods that it knows.
  @spec methods([Route.t()]) :: [{Macro.t(), [String.t()]}]
  def methods(routes) do
    shapes = Enum.group_by(routes, &shape/1, & &1.method)

    for shape <- routes |> Enum.map(&shape/1) |> Enum.uniq() do
      {shape, shapes[shape]}
    end
  end

  defp shape(route), do: Enum.map(route.segments, &any/1)

  defp any({:param, _name}), do: {:_, [], __MODULE__}
  defp any(text), do: text

  defp variable({:param, name}), do: Macro.var(name, __MODULE__)
  defp variable(text), do: text
end
