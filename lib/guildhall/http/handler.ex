defmodule Guildhall.Http.Handler do
  @moduledoc """
  What answers requests: `handler: {module, argument}` of `Guildhall.Http.start_link/1`.

  `handle/2` runs in the connection's process, one request at a time. If it raises, the client gets
  a plain 500 and the connection lives on. `{:websocket, module, argument, options}` asks for an
  upgrade; the options are those of `t:websocket_option/0`.
  """

  alias Guildhall.Http.{Request, Response}

  @typedoc """
    * `:frame_limit` - the longest frame a client may send, in bytes (65,536)
    * `:message_limit` - the longest message, all fragments together (65,536)
    * `:write_limit` - bytes that may wait in the struct behind a busy socket (1,048,576)
    * `:close_timeout` - how long the closing handshake may take (5,000)
    * `:headers` - further headers of the 101 response
  """
  @type websocket_option ::
          {:frame_limit | :message_limit | :write_limit | :close_timeout, pos_integer()}
          | {:headers, [{String.t(), iodata()}]}

  @doc "Answers a request, or asks for it to be upgraded."
  @callback handle(Request.t(), argument :: term()) ::
              Response.t()
              | {:websocket, module(), argument :: term(), [websocket_option()]}
end
