/** Submits a job with the client that openapi-generator has generated, and reads its answer with types. */

import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.GatewayApi;
import org.openapitools.client.api.OraclesApi;
import org.openapitools.client.model.GroverAnswer;
import org.openapitools.client.model.GroverAnswerGroverOutcome;
import org.openapitools.client.model.GroverInput;
import org.openapitools.client.model.GroverJob;
import org.openapitools.client.model.MarkedElementsInner;
import org.openapitools.client.model.Problem;

public class Use {
  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    String token = new GatewayApi(client).createSession().getToken();
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    OraclesApi functions = new OraclesApi(client);

    Set<MarkedElementsInner> marked = Set.of(new MarkedElementsInner(5));
    GroverInput input = new GroverInput().qubits(3).marked(marked).seed(7);
    GroverJob job = functions.runGrover(input, BigDecimal.valueOf(60), null, null, null);
    GroverAnswer answer = job.getAnswer();
    String summary = answer.getSummary();
    List<Integer> found = answer.getFound();
    List<Integer> counts = answer.getOutcomes().stream().map(GroverAnswerGroverOutcome::getCount).toList();

    String field = "";
    try {
      functions.runGrover(new GroverInput().qubits(99).marked(marked), null, null, null, null);
    } catch (ApiException refused) {
      Problem problem = client.getObjectMapper().readValue(refused.getResponseBody(), Problem.class);
      field = problem.getErrors().get(0).getField();
    }
    String title = new GatewayApi(client).getFunction("grover").getTitle();
    Map<String, Object> result =
        Map.of("summary", summary, "found", found, "counts", counts, "field", field, "title", title);
    System.out.println(new ObjectMapper().writeValueAsString(result));
  }
}
